"""Files that are complete or as they were before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dedupe_core.whole import write_whole


def _broken() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("the second half cannot be made")


def test_a_file_that_cannot_be_finished_stays_as_it_was_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(b"before")
    with pytest.raises(ValueError, match="second half"):
        write_whole(file, _broken(), durable=True)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_replaced_keeps_its_mode_and_a_new_private_one_is_its_owners_alone(tmp_path: Path) -> None:
    old, new = tmp_path / "config.yaml", tmp_path / "new.yaml"
    old.write_bytes(b"before")
    old.chmod(0o640)
    write_whole(old, [b"af", b"ter"])
    write_whole(new, [b"secret"], mode=0o600)
    assert old.read_bytes() == b"after"
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode & 0o777 == 0o600
