"""Photos, edges and judges made by hand, and random libraries, for the tests of grouping, keeping and planning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from connectors.base import FAVORITE, PROTECTED, Asset, AssetId, Part
from dedupe_core.material import Material
from dedupe_core.model import Choice, Edge, Evidence, Photo, Relation, Signature
from dedupe_core.store import Store

NOON = datetime(2024, 6, 18, 12, 0, 0)
_ASSET = set(Asset.__slots__)
HASHES = b""


def content_of(letter: str) -> str:
    return f"sha256:{letter}"


def photo(row: int, letter: str, name: str | None = None, source: str = "home", **facts: Any) -> Photo:
    """A camera's JPEG of 4032 × 3024. `letter` names the content; the signature row is made of it. Facts go to the
    asset, the signature or the photo, whichever has a field of that name."""
    name = name or f"{letter}{row}.jpg"
    folder = facts.pop("folder", "")
    asset = Asset(
        AssetId(source, f"{folder}/{name}".lstrip("/")),
        facts.pop("revision", "1"),
        name,
        folder,
        facts.pop("size", 3_000_000),
        **{key: facts.pop(key) for key in list(facts) if key in _ASSET and key not in ("width", "height", "camera")},
    )
    pixels, error = facts.pop("pixels", ""), facts.pop("error", "")
    known: dict[str, Any] = {
        "width": 4032,
        "height": 3024,
        "format": "JPEG",
        "camera": "Canon EOS 7D",
        "jpeg_quality": 95,
    }
    known |= {"phashes": HASHES, "luma_sd": 50.0, "gradient": 9.0, "fullest_bin": 0.1, "exif_fields": 30} | facts
    signature = Signature(content=content_of(letter), **known)
    return Photo(row, asset, content_of(letter), signature, signature_row(letter), pixels, error)


def signature_row(letter: str) -> int:
    """The signature row of a content: its letters read as a number."""
    return int.from_bytes(letter.encode(), "big")


COPY: dict[str, Any] = {
    "inliers": 200,
    "overlap_a": 1.0,
    "overlap_b": 1.0,
    "blocks": 60,
    "block_median": 0.95,
    "block_p10": 0.8,
}


def edge(a: str, b: str, relation: Relation = "near", score: float = 0.9, **evidence: Any) -> Edge:
    """An edge between two contents: fully overlapping copies unless said otherwise, `similar` for a changed region."""
    difference = 1.5 if relation == "similar" else 0.1
    seen = Evidence(**({**COPY, "difference": difference} | evidence))
    timing: Any = "differ" if relation == "series" else "unknown"
    return Edge(signature_row(a), signature_row(b), relation, score, seen, timing, f"{relation} {score:.2f}")


def material(photos: Iterable[Photo], edges: Iterable[Edge] = (), **more: Any) -> Material:
    """Photos and edges as grouping takes them; classes of equal pixels are read from the photos, and what was measured
    from the edges: every other pair was compared, and nothing was found."""
    known, edges = {one.row: one for one in photos}, tuple(edges)
    content = {one.signature_row: one.content for one in known.values()}
    seen = {frozenset((content.get(one.a), content.get(one.b))): one.evidence for one in edges}
    more.setdefault("measured", lambda a, b: seen.get(frozenset((a, b)), Evidence()))
    classes: dict[str, set[int]] = {}
    for one in known.values():
        if one.pixels and one.signature_row is not None:
            classes.setdefault(one.pixels, set()).add(one.signature_row)
    pixels = [sorted(rows) for rows in classes.values() if len(rows) > 1]
    return Material(known, edges, more.pop("pixels", pixels), **more)


@dataclass(frozen=True)
class Apart:
    """A judge by whom some pairs of contents are kept apart."""

    pairs: frozenset[frozenset[str]]

    @classmethod
    def of(cls, *letters: str) -> Apart:
        """`of("ab", "bc")` keeps a from b and b from c."""
        return cls(frozenset(frozenset(content_of(letter) for letter in pair) for pair in letters))

    def apart(self, a: str, b: str) -> bool:
        return frozenset((a, b)) in self.pairs

    def weigh(self, edge: Edge, a: Photo, b: Photo) -> Edge | None:
        return edge


def shown(choices: Iterable[Choice], photos: Mapping[int, Photo]) -> list[tuple[Any, ...]]:
    """Choices without row numbers: what a person would see."""
    key = {row: one.asset.id for row, one in photos.items()}
    return [
        (
            choice.group.relation,
            choice.group.id,
            key[choice.keep],
            tuple(key[row] for row in choice.group.members),
            sorted(key[row] for row in choice.drop),
            choice.reason,
            sorted((key[row], words) for row, words in choice.reasons.items()),
        )
        for choice in choices
    ]


def fill(store: Store, photos: Iterable[Photo]) -> dict[int, Photo]:
    """Put photos into a store as scan and fingerprint would; returned by their new rows."""
    known = list(photos)
    for one in known:
        source = store.assets.source(one.asset.id.source, "memory")
        store.assets.upsert(source, [one.asset], 1)
        found = store.assets.find(one.asset.id)
        assert found is not None
        if one.content:
            store.assets.set_content(found.row, one.content)
        if one.error:
            store.assets.set_error(found.row, one.error)
        if one.signature is not None:
            store.signatures.put([one.signature], 1)
            stored = store.assets.find(one.asset.id)
            assert stored is not None
            assert stored.signature_row is not None
            store.signatures.set_pixels(stored.signature_row, one.pixels)
    return {one.row: one for one in store.assets.all()}


def restated(edges: Iterable[Edge], photos: Iterable[Photo], stored: Mapping[int, Photo]) -> list[Edge]:
    """Edges by the signature rows that a store gave to the same contents."""
    letter = {one.signature_row: one.content for one in photos}
    row = {one.content: one.signature_row for one in stored.values()}
    moved = [(row.get(letter.get(one.a, "")), row.get(letter.get(one.b, "")), one) for one in edges]
    return [replace(one, a=a, b=b) for a, b, one in moved if a is not None and b is not None]


@dataclass(frozen=True)
class World:
    """A random library: photos (several places of one content, equal pixels, damaged, protected, edited, aliased ones),
    edges of every relation between its contents, and a judge."""

    photos: tuple[Photo, ...]
    edges: tuple[Edge, ...]
    judge: Apart
    aliased: tuple[tuple[int, int], ...]

    @property
    def by_row(self) -> dict[int, Photo]:
        return {one.row: one for one in self.photos}

    @property
    def material(self) -> Material:
        return material(self.photos, self.edges, aliased=self.aliased)


LETTERS = "abcdefgh"


@st.composite
def worlds(draw: st.DrawFn, plain: bool = False, people: bool = True) -> World:
    """Random libraries. In `plain` ones nothing is protected, no picture is larger or damaged, and what was measured
    does not contradict itself: copies of one are copies of each other."""
    letters = draw(st.lists(st.sampled_from(LETTERS), min_size=2, max_size=len(LETTERS), unique=True))
    contents = {letter: draw(_contents(plain)) for letter in letters}
    photos: list[Photo] = []
    for letter, facts in contents.items():
        for _ in range(draw(st.integers(1, 3))):
            photos.append(photo(len(photos) + 1, letter, **facts, **draw(_places(plain))))
    pairs = [(a, b) for a in letters for b in letters if a < b]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=16))
    drawn = [draw(_edges(a, b, plain)) for a, b in chosen]
    edges = without_contradiction(photos, drawn) if plain else drawn
    kept = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2)) if people else []
    rows = [one.row for one in photos]
    alias = draw(st.lists(st.tuples(st.sampled_from(rows), st.sampled_from(rows)), max_size=0 if plain else 2))
    return World(
        tuple(photos),
        tuple(edges),
        lifted(photos, Apart.of(*("".join(pair) for pair in kept))),
        tuple((a, b) for a, b in alias if a != b),
    )


def lifted(photos: Sequence[Photo], judge: Apart) -> Apart:
    """What is said of a content is said of every content with its pixels."""
    same: dict[str, set[str]] = {}
    for one in photos:
        same[one.content] = {one.content} | {two.content for two in photos if one.pixels and two.pixels == one.pixels}
    pairs = (frozenset((x, y)) for pair in judge.pairs for x in same[min(pair)] for y in same[max(pair)])
    return Apart(frozenset(pair for pair in pairs if len(pair) == 2))


def without_contradiction(photos: Sequence[Photo], edges: Sequence[Edge]) -> list[Edge]:
    """The edges closed under "is a copy of": also of what has the same pixels."""
    parts: dict[int, set[int]] = {}
    rows = {one.signature_row or 0: one.pixels for one in photos}
    same = [(a, b) for a, b in combinations(rows, 2) if rows[a] and rows[a] == rows[b]]
    for a, b in [*same, *((one.a, one.b) for one in edges if one.relation == "near")]:
        merged = parts.setdefault(a, {a}) | parts.setdefault(b, {b})
        parts.update(dict.fromkeys(merged, merged))
    near = {frozenset(pair): one for one in edges if one.relation == "near" for pair in [(one.a, one.b)]}
    some = next(iter(near.values()), None)
    copies = {frozenset(pair) for part in parts.values() for pair in combinations(sorted(part), 2)}
    closed = [replace(near.get(pair, some), a=min(pair), b=max(pair)) for pair in sorted(copies, key=sorted) if some]
    return closed + [one for one in edges if one.relation != "near" and frozenset((one.a, one.b)) not in copies]


@st.composite
def _contents(draw: st.DrawFn, plain: bool) -> dict[str, Any]:
    """What all places of one content share: its signature and pixels."""
    facts: dict[str, Any] = {
        "pixels": draw(st.sampled_from(["", "", "", "p", "q"])),
        "exif_fields": draw(st.sampled_from([0, 30])),
        "jpeg_quality": draw(st.sampled_from([None, 60, 84, 87, 89, 92, 95])),
        "camera": draw(st.sampled_from(["", "Canon EOS 7D"])),
    }
    if not plain:
        facts["width"], facts["height"] = draw(st.sampled_from([(4032, 3024), (2016, 1512), (3024, 3024)]))
        facts["damage"] = draw(st.sampled_from(["", "", "", "cut off"]))
        facts["taken_at"] = draw(st.sampled_from([None, NOON, NOON + timedelta(seconds=3)]))
    return facts


@st.composite
def _places(draw: st.DrawFn, plain: bool) -> dict[str, Any]:
    """What one place of a content has of its own."""
    place: dict[str, Any] = {
        "folder": draw(st.sampled_from(["", "2024/06", "WhatsApp", "keep"])),
        "modified_at": draw(st.sampled_from([None, 1.0, 2.0])),
        "source": draw(st.sampled_from(["home", "phone"])),
    }
    flags = [set(), set(), {FAVORITE}] if plain else [set(), set(), {FAVORITE}, {PROTECTED}, {"edited"}]
    place["flags"] = frozenset(draw(st.sampled_from(flags)))
    if not plain and draw(st.integers(0, 5)) == 0:
        place["parts"] = (Part("live_video", "x.mov", "1", 5),)
    return place


@st.composite
def _edges(draw: st.DrawFn, a: str, b: str, plain: bool) -> Edge:
    relation: Relation = draw(st.sampled_from(["near", "near", "near", "similar", "similar" if plain else "series"]))
    score = draw(st.sampled_from([0.5, 0.7, 0.9, 1.0]))
    if plain:
        return edge(a, b, relation, score)
    overlap = st.sampled_from([0.0, 0.6, 0.9, 1.0])
    return edge(
        *((a, b) if draw(st.booleans()) else (b, a)),
        relation,
        score,
        overlap_a=draw(overlap),
        overlap_b=draw(overlap),
        damaged_twin=draw(st.integers(0, 8)) == 0,
    )
