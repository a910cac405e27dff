"""What a reading stage did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FingerprintCounts:
    """`read`: files whose bytes were looked at in this run, of which `decoded` gave a new signature, `known` had one
    under another name or need none, and `failed` have a reason in the store. `changed`: changed meanwhile, left for the
    next scan. `skipped`: their source is not at hand or is not to be downloaded. `bytes`: lengths of all of them.
    `previewed`: originals that their source's rendering stood for; `unseen`: those of which it has none."""

    read: int = 0
    decoded: int = 0
    known: int = 0
    failed: int = 0
    changed: int = 0
    skipped: int = 0
    bytes: int = 0
    previewed: int = 0
    unseen: int = 0
