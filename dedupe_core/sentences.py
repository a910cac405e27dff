"""What KeepOne says about photos, by code: the English of each sentence stands here once, and a sentence remembers its
code and its values, so that whoever shows it can say the same in another language.

A sentence is an ordinary string wherever it is read. It is kept in the store with its code (`packed`), and what was
kept before there were codes is read as the plain text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from dedupe_core.words import bytes_text, percent

SENTENCES: Mapping[str, str | tuple[str, str]] = {
    # who stays
    "reason.both": "{rule}: {ours} against {theirs}",
    "reason.one": "{rule}: {ours}",
    "reason.before": "others here go before it: {rule}",
    "reason.advantage": "{why}; the other is {rule}",
    "reason.advantage_of": "{why}; the other is {rule} ({words})",
    "reason.same_as": "{why} ({same} as {path})",
    "reason.above": "decided by you: {why}",
    "reason.by_you": "decided by you",
    "same.bytes": "same bytes",
    "same.pixels": "same pixels",
    # what the rules compare
    "value.whole": "read to its end",
    "value.damage": "{what}",
    "value.unknown": "unknown",
    "value.alone": "alone",
    "value.with": "with {parts}",
    "value.saved_by": "saved by {software}",
    "value.no_camera": "no camera recorded",
    "value.again": "{camera}, compressed again ({quality})",
    "value.file": "{format} of {size}",
    "value.view": "{share} of the whole",
    "value.frame": "{share} of it is the picture",
    "value.quality": "JPEG quality {n}",
    "value.fields": ("{n} field", "{n} fields"),
    "value.frames": ("{n} frame", "{n} frames"),
    "part.live_video": "Live Photo movie",
    "part.raw": "RAW file",
    "part.jpeg": "JPEG",
    "part.sidecar": "sidecar",
    "part.edit": "edits",
    # why a copy is not put away
    "hold.series": "for you to judge: a shot of the same series",
    "hold.similar": "for you to judge: similar, no copy",
    "hold.protected": "protected: nothing is dropped from {folder}",
    "hold.unread": "not readable now: nothing is dropped without reading it",
    "hold.weak": "no strong digest proves that the bytes are equal",
    "hold.parts": "{parts}, which the other one lacks",
    "hold.pixels": "its pixels were not compared with those of the keeper",
    "hold.not_proved": "a copy of another photo here; nothing proves it one of the keeper",
    "hold.twin": "a damaged twin: nearly the same bytes, one of the two is broken",
    "hold.damaged": "damaged: {what}",
    "hold.time": "taken at another time: {time}",
    "hold.edited": "an edited version and its original stay side by side",
    "hold.other_edit": "edited, and nothing says that the other one shows the same edit",
    "hold.seen_edited": "what was compared is an edit of it by which another photo shows the same bytes",
    "hold.beside": "left to you beside an edit",
    "hold.beside_as": "left to you beside an edit: {what}",
    "hold.camera": "a camera original ({camera}), which the keeper is not",
    "hold.raw": "a RAW file, which the keeper is not",
    "hold.knows_time": "it knows when it was taken, and the keeper does not",
    "hold.frames": "has {n} frames, the keeper {kept}",
    "hold.view": "shows more than the keeper: {share} of it lies outside",
    "hold.size_unknown": "{source} does not list its size in pixels: compare the two yourself",
    "hold.larger": "larger than the keeper: {size}",
    "hold.quality": "less compressed than the keeper: {quality} against {kept}",
    "hold.apart": "left to you: you kept some of these apart",
    "hold.speaks": "left to you: it speaks for {path}, which stays",
    # how two pictures were found to belong together
    "edge.bytes": "The same bytes: size and digest are equal.",
    "edge.pixels_only": "The same pixels; only metadata or container differ.",
    "edge.through": "Not compared with the keeper itself: it belongs here through another photo, so it stays.",
    "edge.score": "Compared with the keeper: score {score}.",
    "edge.pixels": "the same pixels in another file: only metadata or container differ",
    "edge.twin": "equal length and nearly equal bytes: one of the two is probably damaged, look at both",
    "edge.probable": "equal length and equal digest of the source, and the same picture: all but proved one file",
    "edge.series": "taken {span} apart by one camera; {agreement}",
    "edge.doubt": "nearly the same picture, but {doubt}",
    "edge.near": "same picture, {how}: {agreement}",
    "edge.view": "{what} ({views})",
    "view.original": "{name} seen before its edit",
    "view.edited": "{name} seen after its edit",
    "edge.copy": "{what} (seen on its copy {names})",
    "edge.you_said": "you said that these are the same",
    "edge.also": "{what}; {more}",
    "doubt.little": "too little of it can be compared to be sure",
    "doubt.region": "a small region differs ({share} of it): look before you choose",
    "doubt.partly": "not all of it agrees: look before you choose",
    "doubt.time": "taken {span} apart",
    "doubt.second": "their sources tell the time to the second only, and two shots may fall into one",
    "doubt.originals": "both come straight from one camera, and without both capture times they may be two shots",
    "agree.fine": "{n} of {of} fine blocks agree",
    "agree.blocks": "{n} blocks compared, they agree to {share}",
    "how.again": "saved again",
    "how.smaller": "smaller copy ({share})",
    "how.cropped": "cropped to {share}",
    "how.formats": "{one} and {other}",
    "turn.90": "turned by 90°",
    "turn.180": "turned by 180°",
    "turn.mirrored": "mirrored",
    "turn.both": "mirrored and turned",
    "span.some": "some time",
    "span.seconds": "{n} s",
    "span.minutes": "{n} minutes",
    "span.hours": "{n} hours",
    "span.days": "{n} days",
    # what trust in a kind of copy waits for
    "trust.questions": ("{n} answer to a random question", "{n} answers to random questions"),
    "trust.approvals": ("{n} approval", "{n} approvals"),
    # why groups change by what people said
    "why.free": "no answer keeps these apart any more",
    "why.apart": "you keep {n} of its {of} pairs apart",
    "why.shown": "shown as {now} instead of {before}",
    "why.shown_as": "shown as {now} instead of {before}: {why}",
    "why.members": "{before} photos before, {now} now",
    "why.members_apart": "{before} photos before, {now} now: you keep the others apart",
    "why.nothing": "nothing joins these under the rules as they are now",
    "why.unlikely": "your answers make it unlikely ({share})",
    "why.unlikely_as": "your answers make it unlikely ({share}) because of {why}",
    "why.and": "{one} and {other}",
    "relation.exact": "exact",
    "relation.pixels": "pixels",
    "relation.near": "near",
    "relation.similar": "similar",
    "relation.series": "series",
    # what of two pictures the answers go by
    "feature.hash": "how near their hashes are",
    "feature.points": "how many points match",
    "feature.shared_most": "how much of one lies in the other",
    "feature.shared_least": "how much both show",
    "feature.blocks": "how well their blocks agree",
    "feature.worst_blocks": "how well their worst blocks agree",
    "feature.fine": "how many fine blocks agree",
    "feature.local_difference": "a region that differs",
    "feature.tone": "a change of brightness or contrast",
    "feature.colour": "a change of colour",
    "feature.detail": "a change of sharpness",
    "feature.grain": "noise in one of them",
    "feature.look": "a change of the whole look",
    "feature.border": "a border or bars around one",
    "feature.altered": "that one was edited",
    "feature.size_ratio": "their sizes",
    "feature.aspect": "their shapes",
    "feature.same_time": "one time of capture",
    "feature.other_time": "other times of capture",
    "feature.time_gap": "the time between them",
    "feature.same_camera": "their cameras",
    "feature.flat": "little to compare",
    "feature.turned": "one is turned or mirrored",
    "feature.other_source": "they are in two sources",
    "feature.embedding": "how alike a model finds them",
    # what became of a photo of a plan, and of a run
    "step.at": "{place}: {what}",
    "level.off": "similar pictures by a model: switched off",
    "level.none": "similar pictures by a model: not looked for.",
    "level.by": "similar pictures by {model}, {backend}.",
    "level.by_how": "similar pictures by {model}, {backend} ({how}).",
    "level.also": "{what} {more}",
    "backend.local": "local",
    "backend.remote": "remote",
    "job.told": "{job}: {what}",
    "job.told_of": "{job} ({months}): {what}",
    "job.span": "{first} to {last}",
    "job.nothing": "nothing new",
    "job.away": ("put away {n} photo ({size})", "put away {n} photos ({size})"),
    "job.untagged": ("{n} photo out of the albums again", "{n} photos out of the albums again"),
    "job.waits": ("{n} photo waits for you: keepone apply {plan}", "{n} photos wait for you: keepone apply {plan}"),
    "job.skipped": ("{n} photo left alone, because it changed", "{n} photos left alone, because they changed"),
    "job.failed": ("{n} photo failed", "{n} photos failed"),
    # why a plan leaves something out
    "skip.protected": "in a protected place",
    "skip.changed": "changed since the groups were made",
    "skip.perhaps_one": "perhaps the same photo as its keeper, reached by two ways",
    "skip.apart": "kept apart by you",
    "skip.for_another": "kept for another photo by an earlier plan",
    "skip.keeper_goes": "its keeper goes by another plan",
    "skip.left": "left to you beside the photo that stays in the end",
    "skip.cannot": "its source puts nothing away (it is read only, or needs its own machine)",
    "skip.tagged": "tagged by an earlier plan",
    "skip.no_proof": "nothing proves it a copy of the photo that stays in the end",
    "skip.unread": "never read whole, so nothing proves what it holds",
    "skip.circle": "two decisions contradict each other: each puts away what the other keeps",
    "skip.later": "left for the next plan: this one is as large as planning.max_items and planning.max_bytes allow",
}
"""The English of every code; (one, many) where it depends on `n`. The labels of rules are their own (`rules.RULES`)."""

_MARK = '{"code":'
Value = str | int | float | tuple[str, ...]


class Said(str):
    """A sentence in English that knows its `code` and `values`; values may be sentences themselves, and a tuple of
    them is a list."""

    __slots__ = ("_pairs", "code")
    code: str
    _pairs: tuple[tuple[str, Value], ...]

    def __new__(cls, text: str, code: str = "", values: Mapping[str, Value] | None = None) -> Said:
        made = super().__new__(cls, text)
        made.code, made._pairs = code, tuple(values.items()) if values else ()
        return made

    @property
    def values(self) -> dict[str, Value]:
        """What stands in it by name; kept as pairs, because a large library has a million sentences."""
        return dict(self._pairs)

    def __reduce__(self) -> tuple[type[Said], tuple[str, str, dict[str, Value]]]:
        return Said, (str(self), self.code, self.values)

    def __copy__(self) -> Said:
        return self

    def __deepcopy__(self, memo: object) -> Said:
        return self

    def to_json(self) -> dict[str, Any]:
        """The code and the values; a value that is no sentence stays the text or number that it is. Where a sentence
        in it cannot be made again from its code, its text stands beside it."""
        return {"code": self.code, "values": {name: _plain(value) for name, value in self.values.items()}}


def said(code: str, **values: Value) -> Said:
    """The sentence of a code with these values in it."""
    text = SENTENCES[code]
    if isinstance(text, tuple):
        text = text[0 if values.get("n") == 1 else 1]
    return Said(text.format(**{name: _shown(value) for name, value in values.items()}), code, values)


def together(told: Sequence[str]) -> str:
    """Several sentences as one, with semicolons between; "" of none."""
    found = told[-1] if told else ""
    for one in reversed(told[:-1]):
        found = said("edge.also", what=one, more=found)
    return found


def size_of(size: int) -> Said:
    """A number of bytes, as everybody writes it at home."""
    return Said(bytes_text(size), "bytes", {"n": size})


def share_of(share: float, text: str = "") -> Said:
    """A share of one; `text` where it is written otherwise than `words.percent` does."""
    return _share(round(share, 2 if share >= 0.01 else 4), text or percent(share))


@lru_cache(maxsize=1024)
def _share(share: float, text: str) -> Said:
    """Many sentences have the same one."""
    return Said(text, "percent", {"n": share})


def packed(text: str) -> str:
    """A sentence as the store keeps it; plain text is kept as it is."""
    if not isinstance(text, Said) or not text.code:
        return str(text)
    return json.dumps(_plain(text), ensure_ascii=True, separators=(",", ":"))


def unpacked(kept: str) -> str:
    """The inverse of `packed`."""
    return _made(json.loads(kept)) if kept.startswith(_MARK) else kept


def _made(raw: Any) -> Any:
    if isinstance(raw, list):
        return tuple(_made(one) for one in raw)
    if not isinstance(raw, dict):
        return raw
    values = {name: _made(value) for name, value in raw["values"].items()}
    return Said(raw["text"], raw["code"], values) if "text" in raw else said(raw["code"], **values)


def _plain(value: Value) -> Any:
    if isinstance(value, Said):
        return {**value.to_json(), **({} if value.code in SENTENCES else {"text": str(value)})}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _shown(value: Value) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
