"""The other view of edited photos: one content is two pictures where a source keeps the edit beside its original.

The signature of a content shows one of them. The other has a signature of its own, under a name that no asset has for
its content ("@original:…", "@edited:…"), so that nothing but `edits.py` ever meets it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from dedupe_core.model import Evidence, Photo
from dedupe_core.store.assets import Assets
from dedupe_core.store.codec import dumps
from dedupe_core.store.signatures import Signatures

if TYPE_CHECKING:  # commands that never search do not import numpy
    import numpy as np
    from numpy.typing import NDArray

Seen = Literal["original", "edited"]

_TRY_AGAIN = 7 * 86_400.0
_HAS_EDIT = "facts LIKE '%[\"edit\",%'"
_LIVE = """other_view JOIN asset ON asset.id = other_view.asset AND asset.revision = other_view.revision
  AND asset.gone_at IS NULL AND asset.error = ''
  JOIN signature theirs ON theirs.content = other_view.content AND theirs.phashes IS NOT NULL
  JOIN signature own ON own.content = asset.content"""


class Missing(NamedTuple):
    """An edited photo by row and revision, the view of it that has no signature yet, and the name of that view."""

    row: int
    revision: str
    seen: Seen
    content: str


class OtherView(NamedTuple):
    """A view that has a signature: its row, that of the photo's content, the photo's, and which of the two it is."""

    signature: int
    main: int
    photo: int
    seen: Seen


def seen_in(content: str) -> Seen | None:
    """Which view of a photo a content's name stands for; None for a content of bytes."""
    kind = content.partition(":")[0]
    return "original" if kind == "@original" else "edited" if kind == "@edited" else None


class OtherViews:
    """Which photo has which other view."""

    def __init__(self, db: sqlite3.Connection, assets: Assets, signatures: Signatures) -> None:
        self.db, self._assets, self._signatures = db, assets, signatures

    def missing(self, recipe: int, sources: Collection[str]) -> Iterator[Missing]:
        """Edited photos of these sources whose other view has no signature of this recipe; one that could not be seen
        comes again after a week."""
        query = f"""SELECT asset.id, asset.revision, asset.key, source.name,
            COALESCE(json_extract(signature.facts, '$.preview'), 0), json_extract(signature.facts, '$.edited'),
            EXISTS (SELECT 1 FROM asset one WHERE one.content = asset.content AND one.gone_at IS NULL
              AND NOT one.{_HAS_EDIT}),
            theirs.content, theirs.recipe, theirs.phashes IS NULL, json_extract(theirs.facts, '$.tried_at')
          FROM asset JOIN source ON source.id = asset.source JOIN signature ON signature.content = asset.content
            LEFT JOIN other_view ON other_view.asset = asset.id
            LEFT JOIN signature theirs ON theirs.content = other_view.content
          WHERE asset.gone_at IS NULL AND asset.error = '' AND asset.{_HAS_EDIT} AND signature.phashes IS NOT NULL
            AND source.name IN (SELECT value FROM json_each(?)) ORDER BY asset.id"""  # noqa: S608
        for row in self.db.execute(query, (dumps(sorted(sources)),)).fetchall():
            shows_edit = bool(row[5]) if row[5] is not None else row[4] > 0 and not row[6]
            seen: Seen = "original" if shows_edit else "edited"
            mark = hashlib.sha256(b"\0".join((row[3].encode(), row[2], row[1].encode()))).hexdigest()[:16]
            content = f"@{seen}:{mark}"
            tried = row[9] and (row[10] or 0.0) > time.time() - _TRY_AGAIN
            if content != row[7] or (row[8] or 0) < recipe or (row[9] and not tried):
                yield Missing(int(row[0]), str(row[1]), seen, content)

    def put(self, found: Iterable[Missing]) -> None:
        """These views have a signature now, or were looked for in vain."""
        self.db.executemany(
            """INSERT INTO other_view (asset, revision, content) VALUES (?, ?, ?)
               ON CONFLICT (asset) DO UPDATE SET revision = excluded.revision, content = excluded.content""",
            [(one.row, one.revision, one.content) for one in found],
        )

    def all(self) -> list[OtherView]:
        """Every view of a photo that is there and was not changed since, in the order of signature rows."""
        query = f"SELECT theirs.id, own.id, asset.id, other_view.content FROM {_LIVE} ORDER BY theirs.id"  # noqa: S608
        return [
            OtherView(int(row[0]), int(row[1]), int(row[2]), seen_in(str(row[3])) or "edited")
            for row in self.db.execute(query)
        ]

    def hashes(self, views: Sequence[OtherView]) -> NDArray[np.uint8]:
        """(n, 8, 32) uint8: the hashes of these."""
        import numpy as np

        found = self._signatures.get(view.signature for view in views)
        blob = b"".join(found[view.signature].phashes for view in views)
        return np.frombuffer(blob, dtype=np.uint8).reshape(-1, 8, 32)

    def photos(self, rows: Collection[int]) -> dict[int, Photo]:
        """By signature row, for those of the rows that are such views: the photo as if that view were its content."""
        views = {view.signature: view for view in self.all() if view.signature in rows} if rows else {}
        signatures = self._signatures.get(views)
        photos = self._assets.photos(view.photo for view in views.values())
        return {
            row: replace(
                photos[view.photo],
                content=signatures[row].content,
                signature=signatures[row],
                signature_row=row,
                pixels="",
            )
            for row, view in views.items()
            if view.photo in photos and row in signatures
        }

    def measured(self, recipe: int) -> Iterator[tuple[int, int, Evidence]]:
        """What comparisons with such views found, as signature rows and evidence. Their names come before all other
        contents', so that the evidence of a pair has one of them first."""
        query = """SELECT one.id, other.id, measured FROM evidence
          JOIN signature one ON one.content = evidence.a JOIN signature other ON other.content = evidence.b
          WHERE evidence.a >= '@' AND evidence.a < 'A' AND evidence.recipe = ? AND evidence.unlike = 0"""
        for a, b, measured in self.db.execute(query, (recipe,)):
            yield int(a), int(b), Evidence(**json.loads(measured))
