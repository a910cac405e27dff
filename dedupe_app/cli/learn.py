"""`keepone learn`: what you said about your photos, what follows from it, and what would help most to say next."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.learning import Learned
    from dedupe_app.library import Library
    from dedupe_core.store.labels import Label, Verdict
    from feedback.labels import Recorded
    from feedback.questions import Question
    from feedback.reanalyse import Change

_KEYS = {"s": "same", "n": "not_similar", "a": "alternate"}


@click.group(cls=Group)
def learn() -> None:
    """Say what is not the same, and let the groups follow."""


@learn.command()
@click.option("--answers", is_flag=True, help="List every answer with the number that `revoke` takes.")
@pass_session
def stats(session: Session, answers: bool) -> int:
    """Show what was said, what contradicts, and what is proved."""
    from dedupe_app.learning import learned

    with session.library() as library:
        known, labels = learned(library), library.store.labels.active()
    session.out.show(_stats_text(known))
    if answers:
        session.out.show("\n".join(_answer_text(one) for one in labels))
    listed = [_label_json(one) for one in labels] if answers else []
    session.out.document(_stats_json(known) | {"labels": listed}, ({"message_type": "label", **one} for one in listed))
    return Exit.OK


@learn.command("not-similar")
@click.argument("targets", nargs=-1, required=True, metavar="GROUP|PHOTO PHOTO...")
@click.option("--focus", metavar="PHOTO", default="", help="This photo of the group against the others.")
@click.option("--every", is_flag=True, help="Every pair of the group, not just the keeper's.")
@click.option("--why", default="", help="A remark that is kept with the answer.")
@pass_session
def not_similar(session: Session, **said: Any) -> int:
    """Say that photos are not the same: they never share a group again."""
    return _answer(session, "not_similar", **said)


@learn.command()
@click.argument("targets", nargs=-1, required=True, metavar="GROUP|PHOTO PHOTO...")
@click.option("--focus", metavar="PHOTO", default="", help="This photo of the group against the others.")
@click.option("--why", default="", help="A remark that is kept with the answer.")
@pass_session
def same(session: Session, **said: Any) -> int:
    """Say that photos are the same."""
    return _answer(session, "same", every=False, **said)


@learn.command()
@click.argument("targets", nargs=-1, required=True, metavar="GROUP|PHOTO PHOTO...")
@click.option("--focus", metavar="PHOTO", default="", help="This photo of the group against the others.")
@click.option("--every", is_flag=True, help="Every pair of the group, not just the keeper's.")
@click.option("--why", default="", help="A remark that is kept with the answer.")
@pass_session
def alternate(session: Session, **said: Any) -> int:
    """Say that photos are related, but both are kept."""
    return _answer(session, "alternate", **said)


def _answer(session: Session, verdict: Verdict, targets: tuple[str, ...], focus: str, every: bool, why: str) -> int:
    from dedupe_app.learning import answer_group, answer_photos
    from feedback.labels import Said

    with session.library() as library:
        if len(targets) == 1:
            done = answer_group(library, targets[0], verdict, focus, every, Said(why=why, origin="group"))
        else:
            done = answer_photos(library, targets, verdict, Said(why=why))
    _told(session, done)
    session.out.document(
        {
            "answer": done.answer,
            "labels": [_label_json(one) for one in done.labels],
            "replaced": [_label_json(one) for one in done.replaced],
            "contradictions": len(done.contradictions),
        }
    )
    return Exit.OK


def _told(session: Session, done: Recorded) -> None:
    from feedback.labels import WORDS

    pairs = f"{len(done.labels)} pair{'s' if len(done.labels) > 1 else ''}"
    session.out.say(f" {pairs}: {WORDS[done.labels[0].verdict]} · answer {done.answer}")
    for one in done.replaced:
        session.out.say(f" replaces what was said before: {WORDS[one.verdict]} (answer {one.answer})")
    for found in done.contradictions:
        session.out.warn(f" {_contradiction(found)}")
    session.out.say(" keepone learn reanalyse shows what changes")


@learn.command()
@click.argument("names", nargs=-1, required=True, metavar="ANSWER...")
@pass_session
def revoke(session: Session, names: tuple[str, ...]) -> int:
    """Take answers back, by the beginning of their names or by number."""
    from dedupe_app.learning import take_back

    with session.library() as library:
        taken = take_back(library, names)
    session.out.say(
        f" {len(taken)} answer{'s' if len(taken) > 1 else ''} taken back · keepone learn reanalyse shows what changes"
    )
    session.out.document({"revoked": [_label_json(one) for one in taken]})
    return Exit.OK


@learn.command()
@click.option("--preview", is_flag=True, help="Only say what would change.")
@pass_session
def reanalyse(session: Session, preview: bool) -> int:
    """Group again with all answers; no photo is opened."""
    from dedupe_app import learning

    with session.library() as library:
        found = learning.reanalyse(library, preview)
        listed = [_change_json(library, one) for one in found.changes]
    for one in listed:
        members = ", ".join(one["members"][:4]) + (" …" if len(one["members"]) > 4 else "")
        session.out.show(f" {one['kind']:<8} {one['group'][:12]}  {members}\n          {one['why']}")
    session.out.show(f" {'would be: ' if preview else ''}{found.sentence()}")
    counts = {kind: found.count(kind) for kind in ("hidden", "new", "changed")}
    summary: dict[str, Any] = {"preview": preview, "sentence": found.sentence(), "groups": len(found.choices)}
    summary |= {**counts, "accepted_touched": len(found.touched)}
    session.out.document(summary | {"changes": listed}, ({"message_type": "change", **one} for one in listed))
    return Exit.OK


@learn.command()
@click.option("--count", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--ask", "asks", is_flag=True, help="Ask them one by one, here.")
@pass_session
def questions(session: Session, count: int, asks: bool) -> int:
    """Show the pairs that are worth asking about next."""
    from dedupe_app import learning

    with session.library() as library:
        listed = learning.ask(library, count)
        shown = [_question_json(library, one) for one in listed]
        answered = _asked(session, library, listed, shown) if asks else 0
    if not asks:
        for one in shown:
            session.out.show(f" {one['a']}\n {one['b']}\n    {one['relation']}, the same with {one['probability']:.0%}")
        session.out.say(f" {len(shown)} questions · answer: keepone learn same|not-similar|alternate PHOTO PHOTO")
    session.out.document(
        {"questions": shown, "answered": answered}, ({"message_type": "question", **one} for one in shown)
    )
    return Exit.OK


def _asked(session: Session, library: Library, listed: list[Question], shown: list[dict[str, Any]]) -> int:
    from dedupe_app.learning import answer_question

    answered = 0
    for number, (one, told) in enumerate(zip(listed, shown, strict=True), 1):
        session.out.say(f"\n {number} of {len(listed)}\n {told['a']}\n {told['b']}")
        key = click.prompt(
            " s same, n not similar, a related, - skip, q stop", type=click.Choice([*_KEYS, "-", "q"]), err=True
        )
        if key == "q":
            break
        if key in _KEYS:
            answer_question(library, one, _KEYS[key])  # type: ignore[arg-type]
            answered += 1
    session.out.say(f" {_answers(answered)} · keepone learn reanalyse shows what changes")
    return answered


@learn.command()
@click.argument("file", metavar="FILE.jsonl|-")
@pass_session
def export(session: Session, file: str) -> int:
    """Write every answer to a file of JSON lines (- is stdout)."""
    from feedback.exchange import export as lines

    with session.library() as library:
        listed = list(lines(library.store))
    if file == "-":
        sys.stdout.writelines(listed)
        return Exit.OK
    Path(file).write_text("".join(listed), "utf-8")
    session.out.say(f" {_answers(len(listed))} written to {file}")
    session.out.document({"written": len(listed), "file": file})
    return Exit.OK


@learn.command("import")
@click.argument("file", metavar="FILE.jsonl|-")
@pass_session
def import_(session: Session, file: str) -> int:
    """Take over the answers of an export, all of them or none."""
    from dedupe_app.learning import take_over

    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    with session.library() as library:
        done = take_over(library, data.split(b"\n"))
    session.out.say(
        f" {_answers(done.added)} added, {done.known} known before · keepone learn reanalyse shows what changes"
    )
    for found in done.contradictions:
        session.out.warn(f" {_contradiction(found)}")
    session.out.document({"added": done.added, "known": done.known, "contradictions": len(done.contradictions)})
    return Exit.OK


@learn.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def reset(session: Session, yes: bool) -> int:
    """Forget every answer for good. Export them first."""
    from dedupe_app.learning import forget

    with session.library() as library:
        count = library.store.labels.count()
        if not yes:
            click.confirm(f"Forget {_answers(count)} for good?", abort=True, err=True)
        gone = forget(library)
    session.out.say(f" {_answers(gone)} forgotten")
    session.out.document({"forgotten": gone})
    return Exit.OK


@learn.command()
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A key of the configuration to try.")
@pass_session
def replay(session: Session, changes: tuple[str, ...]) -> int:
    """Try other thresholds on what you decided already; nothing is changed."""
    from dedupe_app.trying import changed
    from feedback.replay import Trial
    from feedback.replay import replay as tried

    settings = session.loaded.config.settings
    other = changed(settings, changes)
    with session.library() as library:
        before, after = (Trial(one, one.learning.hidden_below) for one in (settings, other))
        found, looked_at = tried(library.store, before, after)
        shown = [_difference_json(library, one) for one in found]
    for one in shown:
        told = "fits" if one["right"] else "does not fit"
        session.out.show(f" {one['a']}\n {one['b']}\n    {one['before']} → {one['after']}; {told} {one['decided']!r}")
    wrong = sum(not one["right"] for one in shown)
    session.out.say(
        f" {len(shown)} of {looked_at} past decisions would come out otherwise, {wrong} of them against you"
    )
    session.out.document(
        {"looked_at": looked_at, "differences": shown}, ({"message_type": "difference", **one} for one in shown)
    )
    return Exit.OK


def _stats_text(known: Learned) -> str:
    from dedupe_app.cli.output import table
    from feedback.labels import WORDS

    rows = [[WORDS[name], str(known.answers.get(name, 0)), ""] for name in WORDS]
    rows += [[f"to {lane}", "", proved.sentence()] for lane, proved in known.certificates.items()]
    rows += [[f"copies: {one.kind}", one.level, one.waits_for and f"waits for {one.waits_for}"] for one in known.rungs]
    return "\n".join([table(rows), *(f" {_contradiction(found)}" for found in known.contradictions)])


def _stats_json(known: Learned) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "answers": dict(known.answers),
        "contradictions": [[one.id for one in (found.against, *found.chain)] for found in known.contradictions],
        "certificates": {lane: asdict(proved) for lane, proved in known.certificates.items()},
        "ladder": [asdict(one) for one in known.rungs],
        "learned_from": known.model.answers,
    }


def _contradiction(found: Any) -> str:
    chain = ", ".join(str(one.id) for one in found.chain)
    return (
        f"contradiction: answer {found.against.id} keeps apart what the answers {chain} join. Kept apart until you "
        f"revoke one: keepone learn revoke {found.against.id}"
    )


def _answer_text(one: Label) -> str:
    from feedback.labels import WORDS

    a, b = (side.content.partition(":")[2][:10] for side in (one.a, one.b))
    when = datetime.fromtimestamp(one.created_at).strftime("%Y-%m-%d %H:%M")
    told = "  ".join(text for text in (WORDS[one.verdict], one.who, one.why) if text)
    return f" {one.id:>5}  {one.answer}  {when}  {a} – {b}  {told}"


def _label_json(one: Label) -> dict[str, Any]:
    told = {
        name: getattr(one, name) for name in ("id", "answer", "verdict", "weight", "origin", "who", "why", "created_at")
    }
    return told | {"a": one.a.content, "b": one.b.content}


def _change_json(library: Library, change: Change) -> dict[str, Any]:
    choice = change.after or change.before
    assert choice is not None
    photos = library.store.assets.photos(choice.group.members)
    members = [photos[row].asset.name for row in choice.group.members if row in photos]
    return {"kind": change.kind, "group": choice.group.id, "members": members, "why": change.why}


def _question_json(library: Library, one: Question) -> dict[str, Any]:
    from dedupe_core import tables

    connectors = library.connectors()
    return {
        "a": tables.place(one.a, connectors),
        "b": tables.place(one.b, connectors),
        "group": one.group,
        "relation": one.relation,
        "probability": round(one.probability, 4),
        "frees": one.frees,
        "origin": one.origin,
    }


def _difference_json(library: Library, one: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from dedupe_core import tables

    connectors = library.connectors()
    places = {content: library.store.assets.with_content(content) for content in (one.a, one.b)}
    names = {content: tables.place(found[0], connectors) if found else content for content, found in places.items()}
    return asdict(one) | {"a": names[one.a], "b": names[one.b]}


def _answers(count: int) -> str:
    return f"{count:,} answer{'' if count == 1 else 's'}"
