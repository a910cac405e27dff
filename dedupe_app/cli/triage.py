"""`keepone review --tty`: the same decisions in a terminal, over SSH and without pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Session

if TYPE_CHECKING:
    from dedupe_app.library import Library
    from dedupe_app.web.deciding import Answer
    from dedupe_app.web.shelf import Card, Shelf
    from dedupe_core.report_cards import GroupCard

_HELP = """ ⏎ accept as shown   1-9 keep or trash this photo   a keep all   n not duplicates   s later
 u undo   k group before   q end   ? these keys"""


def triage(session: Session) -> int:
    """Group by group: what frees most first, lane by lane. Every answer is saved at once."""
    from dedupe_app.web.shelf import LANE_NAMES, Wanted, lay
    from dedupe_core.words import bytes_text

    with session.library() as library:
        shelf = lay(library.store)
        ids = [one for lane in LANE_NAMES for one in shelf.find(Wanted(lane=lane))]
        if not ids:
            session.out.say(" nothing to decide · keepone scan looks for groups")
            return Exit.OK
        session.out.show(_HELP)
        _Table(session, library, shelf, ids).run()
        photos, size = shelf.planned
    session.out.say(f" {photos} photos marked, {bytes_text(size)}. Nothing is put away before you apply the plan:")
    session.out.say(" Next: keepone review, then Plan & apply")
    return Exit.OK


class _Table:
    """Where the person is, and what she did so far."""

    def __init__(self, session: Session, library: Library, shelf: Shelf, ids: list[str]) -> None:
        self._out = session.out
        self._library = library
        self._shelf = shelf
        self._ids = ids
        self._at = 0
        self._acts: list[tuple[int, str]] = []

    def run(self) -> None:
        """Until the last group or `q`."""
        while self._at < len(self._ids):
            card = self._shelf.cards[self._ids[self._at]]
            gone = set(card.drop)
            if not self._one(card, gone):
                return

    def _one(self, card: Card, gone: set[int]) -> bool:
        """Ask about one group until it is answered; False to end."""
        told = self._told(card)
        rows = [photo.row for photo in told.photos]
        while True:
            self._show(told, rows, gone)
            key = click.getchar()
            if key in ("q", "\x03", "\x04"):
                return False
            if key == "?":
                self._out.show(_HELP)
            elif key.isdigit() and 1 <= int(key) <= len(rows):
                self._toggle(rows, gone, rows[int(key) - 1])
            elif key == "u":
                self._undo()
                return True
            elif key == "k":
                self._at = max(0, self._at - 1)
                return True
            elif (answer := self._answer(card, gone, key)) is not None:
                self._note(answer)
                return True

    def _answer(self, card: Card, gone: set[int], key: str) -> Answer | None:
        from dedupe_app.web.deciding import everybody

        if key in ("\r", "\n") and gone:
            return card, "keep", {member.row for member in card.members} - gone
        if key in ("a", "\r", "\n"):
            return everybody(card, "keep_all")
        if key == "n":
            return everybody(card, "not_duplicates")
        return everybody(card, "skip") if key == "s" else None

    def _note(self, answer: Answer) -> None:
        from dedupe_app.web.deciding import note

        self._acts.append((self._at, note(self._library.store, self._shelf, [answer])))
        self._at += 1

    def _undo(self) -> None:
        from dedupe_app.web.deciding import take_back

        if not self._acts:
            self._out.show(" there is nothing to take back")
            return
        self._at, token = self._acts.pop()
        take_back(self._library.store, self._shelf, token)

    def _toggle(self, rows: list[int], gone: set[int], row: int) -> None:
        if row in gone:
            gone.discard(row)
        elif len(gone) + 1 < len(rows):
            gone.add(row)
        else:
            self._out.show(" one photo of each group stays: choose another one first")

    def _told(self, card: Card) -> GroupCard:
        from dedupe_core.report_cards import group_card

        choice = self._library.store.runs.one(self._shelf.run, card.group.id)
        assert choice is not None
        photos = self._library.store.assets.photos(member.row for member in card.members)
        return group_card(self._at + 1, choice, photos, self._library.connectors())

    def _show(self, told: GroupCard, rows: list[int], gone: set[int]) -> None:
        from dedupe_core.words import readable

        out = self._out
        head = out.bold(f"{told.number} of {len(self._ids)}: {told.title}")
        out.show(f"\n {head}  {told.score}  {readable(told.reason)}")
        for number, photo in enumerate(told.photos, 1):
            mark = out.paint("trash", "red") if rows[number - 1] in gone else out.paint("keep ", "green")
            facts = " · ".join(f"{fact.name} {readable(fact.value)} {fact.delta}".strip() for fact in photo.facts[:4])
            out.show(f"  {number} {mark} {readable(photo.path)}")
            out.show(f"          {photo.size} {photo.size_delta} · {photo.resolution} · {facts}")
            if photo.warning:
                out.show(f"          {readable(photo.warning)}")
