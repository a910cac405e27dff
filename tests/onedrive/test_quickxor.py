"""quickXorHash against vectors that rclone publishes, and the properties that make it no proof of equality."""

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.onedrive.quickxor import QuickXor, quickxor

PUBLISHED = [
    ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="),
    ("0pZP", "0rDEEwAAAAAAAAAAAwAAAAAAAAA="),
    ("gQaybEqS/4UlDc8e4IJm", "gDCALNigBEn8oxAlZ8AzPAAOQZg="),
    ("T6LYJIfDh81JrAK309H2JMJTXis=", "zBTHrspn3mEcohlJdIUAbjGNaNg="),
    ("DWAAX5/CIfrmErgZa8ot6ZraeSbu", "LR2Z0PjuRYGKQB/mhQAuMrAGZbQ="),
    (
        "Mb7EGva2rEE5fENDL85P+BsapHEEjv2/siVhKjvAQe02feExVOQSkfmuYzU/kTF1MaKjPmKF/w+cbvwfdWL8aQ==",
        "n1anP5NfvD4XDYWIeRPW3ZkPv1Y=",
    ),
    (
        "w0LGhqU1WXFbdavqDE4kAjEzWLGGzmTNikzqnsiXHx2KRReKVTxkv27u3UcEz9+lbMvYl4xFf2Z4aE1xRBBNd1Ke5C0zToSaYw5o4B/7X99n"
        "KK2/XaUX1byLow2aju2XJl2OpKpJg+tSJ2fmjIJTkfuYUz574dFX6/VXxSxwGH/xQEAKS5TCsBK3CwnuG1p5SAsQq3gGVozDWyjEBcWDMdy8"
        "/AIFrj/y03Lfc/RNRCQTAfZbnf2QwV7sluw4fH3XJr07UoD0YqN+7XZzidtrwqMY26fpLZnyZjnBEt1FAZWO7RnKG5asg8xRk9YaDdedXdQS"
        "JAOy6bWEWlABj+tVAigBxavaluUH8LOj+yfCFldJjNLdi90fVHkUD/m4Mr5OtmupNMXPwuG3EQlqWUVpQoYpUYKLsk7a5Mvg6UFkiH596y5I"
        "bJEVCI1Kb3D1",
        "e3+wo77iKcILiZegnzyUNcjCdoQ=",
    ),
]


@pytest.mark.parametrize(("data", "digest"), PUBLISHED)
def test_the_hash_equals_the_published_vectors(data: str, digest: str) -> None:
    assert quickxor(base64.b64decode(data)) == digest


@given(st.binary(max_size=2000), st.lists(st.integers(1, 400), max_size=12))
def test_the_hash_does_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    running, at = QuickXor(), 0
    for cut in [*cuts, len(data)]:
        running.update(data[at : at + cut])
        at += cut
    running.update(data[at:])
    assert running.text() == quickxor(data) == quickxor(io.BytesIO(data))


def test_swapped_blocks_keep_the_hash_so_it_is_never_a_proof() -> None:
    first, second = bytes(range(160)), bytes(reversed(range(160)))
    assert first + second != second + first
    assert quickxor(first + second) == quickxor(second + first)
