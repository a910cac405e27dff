"""The keeper rules by name. A rule compares what it looks at and says nothing about the rest; the first rule of the
configured order that separates two photos decides between them, and its sentence is the reason that people read.

docs/keeper-rules.md describes each one; a test holds the two together.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dedupe_core import traits
from dedupe_core.model import Photo
from dedupe_core.sentences import Said, said
from dedupe_core.sight import Case

SERIES_RULES = ("undamaged", "protected", "favorite", "in_album", "sharpness", "clipping", "pixels", "oldest", "path")
"""Inside a series the shots differ: the sharpest is suggested, and nothing is ever dropped."""


class UnknownRule(ValueError):
    """The configuration names a rule that does not exist; the message names the nearest that does."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One comparison. `label` begins the sentence ("larger picture"), `tells` describes it for the documentation.

    Either `value`: larger wins, less than `margin` apart is a tie, None says nothing about this photo. Or `beats`:
    asked of two photos that an edge joins. `words(case, photo, other)` shows a photo's value."""

    name: str
    label: str
    tells: str
    words: Callable[[Case, Photo, Photo], str]
    value: Callable[[Case, Photo], Any] | None = None
    beats: Callable[[Case, Photo, Photo], bool] | None = None
    margin: float = 0.0

    def wins(self, case: Case, a: Photo, b: Photo) -> bool:
        """Does `a` beat `b` by this rule?"""
        if self.beats is not None:
            return self.beats(case, a, b)
        ours, theirs = self.worth(case, a), self.worth(case, b)
        return ours is not None and theirs is not None and self._above(ours, theirs)

    def beaten(self, case: Case, rows: Collection[int]) -> set[int]:
        """The rows that some other of these rows beats; none of them when that would leave nobody."""
        if self.beats is None:
            values = {row: value for row in rows if (value := self.worth(case, case.photos[row])) is not None}
            best = max(values.values(), default=None)
            return {row for row, value in values.items() if self._above(best, value)}
        lost = set()
        for a, b in case.linked(rows):
            for winner, loser in ((a, b), (b, a)):
                if self.beats(case, case.photos[winner], case.photos[loser]):
                    lost.add(loser)
        return lost if len(lost) < len(rows) else set()

    def sentence(self, case: Case, keeper: Photo, other: Photo) -> str:
        """ "larger picture: 4032 × 3024 against 1600 × 1200"."""
        found = (self.words(case, keeper, other), self.words(case, other, keeper))
        both = list(dict.fromkeys(words for words in found if words))
        if len(both) == 2:
            return said("reason.both", rule=self.said, ours=both[0], theirs=both[1])
        return said("reason.one", rule=self.said, ours=both[0]) if both else self.said

    @property
    def said(self) -> Said:
        """The label, with the rule's name as its code."""
        return _label(self.name, self.label)

    def worth(self, case: Case, photo: Photo) -> Any:
        """The photo's value under this rule; None when it has none."""
        return None if self.value is None else self.value(case, photo)

    def _above(self, best: Any, value: Any) -> bool:
        return bool(best - value >= self.margin) if self.margin else bool(best > value)


@lru_cache(maxsize=256)
def _label(name: str, label: str) -> Said:
    return Said(label, f"rule.{name}")


def resolve(names: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of these names in order; "path" always ends the list, so that there is always one keeper. Raises
    `UnknownRule` with the nearest name."""
    known = {rule.name: rule for rule in RULES}
    chosen: dict[str, Rule] = {}
    for name in (*names, "path"):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.4)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
            raise UnknownRule(f"keeping.rules has no rule {name!r}. {hint}")
        chosen.setdefault(name, known[name])
    return tuple(chosen.values())


RULES: tuple[Rule, ...] = (
    Rule(
        "undamaged",
        "undamaged",
        "A file that was read to its end beats one that is cut off or broken.",
        traits.damage_words,
        traits.undamaged,
    ),
    Rule(
        "protected",
        "in a protected place",
        "A photo from a protected folder or source beats one from elsewhere.",
        traits.folder_words,
        traits.protected,
    ),
    Rule("favorite", "favourite", "A favourite beats the rest.", traits.name_words, traits.favorite),
    Rule(
        "in_album",
        "in album",
        "A photo with an album or a keyword beats one without.",
        traits.label_words,
        traits.in_album,
    ),
    Rule(
        "has_keywords",
        "more description",
        "More albums, keywords, title and caption beat fewer.",
        traits.described_words,
        traits.described,
    ),
    Rule("edited", "edited version", "An edited version beats its original.", traits.name_words, traits.edited),
    Rule(
        "companions",
        "complete",
        "A photo that has its Live Photo movie, RAW file or sidecar with it beats one that stands alone.",
        traits.companion_words,
        traits.companions,
    ),
    Rule(
        "raw_or_heic_original",
        "the camera's own format",
        "RAW, or RAW with its JPEG, beats a camera's HEIC, which beats the rest.",
        traits.format_words,
        traits.own_format,
    ),
    Rule(
        "camera_original",
        "camera original",
        "As the camera wrote it: make and model, no editor's or messenger's name, JPEG quality 70 or more.",
        traits.camera_words,
        traits.from_camera,
    ),
    Rule(
        "not_a_resave",
        "source of the pixels",
        "Of equal pixels in a JPEG and in a PNG, TIFF or BMP the JPEG is the source and the other was saved from it.",
        traits.file_words,
        traits.first_of_its_pixels,
    ),
    Rule(
        "unframed",
        "without a frame",
        "The picture itself beats the same one inside a border, a letterbox or a screenshot, unless that is clearly "
        "larger.",
        traits.frame_words,
        beats=traits.unframed,
    ),
    Rule(
        "field_of_view",
        "shows more",
        "The whole picture beats its crop. Borders, letterboxes and screenshots show nothing more.",
        traits.view_words,
        beats=traits.shows_more,
    ),
    Rule(
        "pixels",
        "larger picture",
        "More pixels for what both show, from 10 % on, unless it looks like an enlargement of the other.",
        traits.size_words,
        beats=traits.larger,
    ),
    Rule(
        "compression_quality",
        "less compressed",
        "The higher JPEG quality, JPEG against JPEG, from 3 points on; above 90 all are equal.",
        traits.quality_words,
        traits.quality,
        margin=3,
    ),
    Rule(
        "score",
        "rated higher by its library",
        "The library's own score of the picture (Apple Photos), from 0.05 on, where both have one.",
        traits.score_words,
        traits.score,
        margin=0.05,
    ),
    Rule("metadata", "more metadata", "More metadata fields beat fewer.", traits.metadata_words, traits.metadata),
    Rule(
        "folder_priority",
        "preferred folder",
        "The earlier folder of keeping.folders beats the later; folders not named come last.",
        traits.folder_words,
        traits.folder_rank,
    ),
    Rule(
        "name_pattern",
        "name without a copy mark",
        "A name that keeping.name_pattern does not match beats one that it does: IMG_1.jpg beats IMG_1 (1).jpg.",
        traits.name_words,
        traits.plain_name,
    ),
    Rule("oldest", "older", "The earlier capture time, else the earlier file time.", traits.time_words, traits.age),
    Rule("newest", "newer", "The later capture time, else the later file time.", traits.time_words, traits.youth),
    Rule("largest", "larger file", "More bytes beat fewer.", traits.bytes_words, traits.bytes_size),
    Rule("smallest", "smaller file", "Fewer bytes beat more.", traits.bytes_words, traits.small_size),
    Rule("shortest_path", "shorter path", "The shorter path beats the longer.", traits.path_words, traits.short_path),
    Rule("longest_path", "longer path", "The longer path beats the shorter.", traits.path_words, traits.long_path),
    Rule(
        "sharpness",
        "sharper",
        "The sharpest tile at one common size; compares shots of a series, not copies.",
        traits.sharpness_words,
        traits.sharpness,
    ),
    Rule(
        "clipping",
        "less clipped",
        "Fewer burnt-out or drowned pixels; compares shots of a series, not copies.",
        traits.clipped_words,
        traits.unclipped,
    ),
    Rule(
        "path",
        "first in order of source and path",
        "The last resort: the source's name, then the path. Always the end of the list, so that runs agree.",
        traits.path_words,
        traits.first_path,
    ),
)
