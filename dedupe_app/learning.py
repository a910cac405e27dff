"""What people say about their library: answers to groups and pairs, groups made again, and how far trust goes.

Used by `keepone learn` and by the page; each verb that writes holds the data folder's lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dedupe_app.config import absolute
from dedupe_app.library import Library
from dedupe_core import tables
from dedupe_core.model import Choice, Photo
from dedupe_core.store.labels import Label, Verdict
from feedback import reanalyse as again
from feedback.certificate import Certificate, certificates
from feedback.exchange import Imported, import_lines
from feedback.judge import examples, judge_of
from feedback.labels import AnswerError, Recorded, Said, around, describe, revoke, say
from feedback.learner import Model, fit
from feedback.memory import Contradiction, Memory
from feedback.questions import Question, questions
from feedback.rules import Rung, ladder


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything that was learned: answers by verdict, what contradicts, the learned model, what is proved for showing
    and acting, and where each kind of copy stands."""

    answers: Counter[str]
    contradictions: Sequence[Contradiction]
    model: Model
    certificates: dict[str, Certificate]
    rungs: Sequence[Rung]


def learned(library: Library) -> Learned:
    """What is known from the answers that hold."""
    labels = library.store.labels.active()
    proved = certificates(labels, library.settings.learning.error_budget)
    return Learned(
        Counter(one.verdict for one in labels),
        Memory.known_to(library.store, labels).contradictions,
        fit(examples(labels)),
        proved,
        ladder(labels, proved["act"]),
    )


def answer_group(
    library: Library, group: str, verdict: Verdict, focus: str = "", every: bool = False, said: Said | None = None
) -> Recorded:
    """An answer about a whole group, named by the beginning of its id: the keeper, or the photo `focus`, against the
    others, or `every` pair. Raises `AnswerError`."""
    found = list(library.store.runs.choices(group=group))
    if len(found) != 1:
        raise AnswerError(f"{'There is no group' if not found else 'More groups than one begin with'} {group!r}.")
    choice = found[0]
    photos = library.store.assets.photos(choice.group.members)
    middle = _member(library, photos.values(), focus).row if focus else choice.keep
    pairs = [(photos[a], photos[b]) for a, b in around(choice.group.members, middle, every)]
    with library.store.writing("learn"):
        return say(library.store, pairs, verdict, said or Said(origin=_occasion(choice)))


def answer_photos(library: Library, paths: Sequence[str], verdict: Verdict, said: Said | None = None) -> Recorded:
    """An answer about photos named by their paths or keys: the first against the others. Raises `AnswerError`."""
    known = list(library.store.assets.all())
    first, *others = [_member(library, known, path) for path in paths]
    with library.store.writing("learn"):
        return say(library.store, [(first, other) for other in others], verdict, said or Said())


def answer_question(library: Library, question: Question, verdict: Verdict) -> Recorded:
    """The answer to a question; what it was asked for is kept with it."""
    with library.store.writing("learn"):
        return say(library.store, [(question.a, question.b)], verdict, Said(origin=question.origin))


def ask(library: Library, count: int) -> list[Question]:
    """The next questions."""
    return questions(library.store, count)


def take_back(library: Library, names: Iterable[str]) -> list[Label]:
    """Revoke answers by name. Raises `AnswerError`."""
    with library.store.writing("learn"):
        return revoke(library.store, names)


def take_over(library: Library, lines: Iterable[str | bytes]) -> Imported:
    """Import answers, all of them or none. Raises `ImportRefused`."""
    with library.store.writing("learn"):
        return import_lines(library.store, lines)


def forget(library: Library) -> int:
    """Delete every answer; how many there were."""
    with library.store.writing("learn"), library.store.transaction():
        return library.store.labels.forget()


def reanalyse(library: Library, preview: bool = False) -> again.Reanalysis:
    """The groups as the answers now leave them, kept unless it is a preview. No photo is opened. Raises `AnswerError`
    before the first scan."""
    if library.store.runs.latest() is None:
        raise AnswerError("There are no groups yet. Look for them first: keepone scan")
    with library.store.writing("learn"):
        if not preview:
            describe(library.store)
        judge = judge_of(library.store, library.settings.learning.hidden_below)
        found = again.reanalyse(library.store, library.settings, judge)
        if not preview:
            again.keep(library.store, library.settings, judge, found)
    return found


def _occasion(choice: Choice) -> str:
    return "group" if len(choice.group.members) > 2 else "pair"


def _member(library: Library, photos: Iterable[Photo], path: str) -> Photo:
    connectors = library.connectors()
    wanted = {path, str(absolute(path))}
    for photo in photos:
        if photo.asset.id.key == path or tables.place(photo, connectors) in wanted:
            return photo
    raise AnswerError(f"The library knows no photo {path!r}. Name it as `keepone groups` does, or scan first.")
