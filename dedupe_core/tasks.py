"""What goes to a worker and what comes back: plain values, cheap to send, and the name of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # the workers import this, and the contract's validation library takes them 100 ms
    from connectors.base import Digest
    from dedupe_core.embedders.preprocess import Preprocess
    from dedupe_core.limits import Limits

RECIPE = 1
"""Version of everything in `look.py` and `signing.py` that decides hashes and measures; raised whenever they change."""


class Also(NamedTuple):
    """What is taken from the same decode beside the signature: a model's input (None: no model wants any), and a small
    picture for people whose long side is `edge` (0: none)."""

    preprocess: Preprocess | None
    edge: int = 0


class Task(NamedTuple):
    """One file: its row, its path or its bytes, the length that the listing gave (None: not said), the sha256 of the
    contents of that length that have a signature already, and the digests that other sources go by. With `preview` the
    bytes are a source's rendering, and these are the facts of its listing. `also`: what else the decode shall give."""

    row: int
    source: str | bytes
    size: int | None = None
    known: tuple[str, ...] = ()
    digests: tuple[Digest, ...] = ()
    preview: dict[str, Any] | None = None
    also: Also | None = None


class Look(NamedTuple):
    """What was seen. `facts` are fields of a `Signature`; None with an `error`, and without one when the content is
    known. `square` are the 64×64 bytes whose hash is to be taken, `histogram` the counts of the 256 levels (uint32) of
    the decoded picture. `moving`: the file changed meanwhile and nothing of it may be recorded. `digests`: those that
    were asked for, as (name, value)."""

    row: int
    sha256: str = ""
    facts: dict[str, Any] | None = None
    error: str = ""
    moving: bool = False
    square: bytes = b""
    histogram: bytes = b""
    digests: tuple[tuple[str, str], ...] = ()
    levels: bytes = b""
    miniature: bytes = b""


def looked_at(task: Task, limits: Limits) -> Look:
    """`look.look` by a name that only the workers pay for: whoever hands out tasks decodes nothing."""
    from dedupe_core.look import look

    return look(task, limits)
