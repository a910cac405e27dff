"""`keepone review --tty`: the same decisions in a terminal, over SSH and without pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Session

if TYPE_CHECKING:
    from dedupe_app.library import Library
    from dedupe_app.web.deciding import Answer
    from dedupe_app.web.shelf import Card, Shelf
    from dedupe_core.report_cards import GroupCard, PhotoCard

KEYS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("Enter", ("\r", "\n"), "accept", "accept as shown"),
    ("1-9", tuple("123456789"), "toggle", "keep or trash this photo"),
    ("a", ("a",), "keep_all", "keep all"),
    ("n", ("n",), "not_duplicates", "not duplicates"),
    ("s", ("s",), "skip", "later"),
    ("j", ("j", " ", "\x1b[B", "\x1bOB"), "next", "next group"),
    ("k", ("k", "\x1b[A", "\x1bOA"), "previous", "group before"),
    ("u", ("u",), "undo", "undo"),
    ("?", ("?", "h"), "help", "these keys"),
    ("q", ("q", "\x1b", "\x03"), "end", "end"),
)
"""What is shown for a key, what the terminal sends for it, what it does, and the word for that."""
_VERBS = {
    "keep_all": "all of them stay",
    "not_duplicates": "not duplicates: they are never a group again",
    "skip": "later",
}


def triage(session: Session) -> int:
    """Group by group: what frees most first, lane by lane. Every answer is saved at once."""
    from dedupe_app.cli.keyboard import keys
    from dedupe_app.web.shelf import LANE_NAMES, lay
    from dedupe_app.web.sieve import Wanted, sieved
    from dedupe_core.words import bytes_text

    with session.library() as library:
        shelf = lay(library.store)
        ids = [one for lane in LANE_NAMES for one in sieved(shelf.cards.values(), Wanted(lane=lane), {})]
        if not ids:
            session.out.say(" nothing to decide · keepone scan looks for groups")
            return Exit.OK
        session.out.show(legend())
        with suppress(KeyboardInterrupt), closing(keys()) as pressed:
            _Table(session, library, shelf, ids).run(pressed)
        photos, size = shelf.planned
    session.out.say(f"\n {photos} photos marked, {bytes_text(size)}. Nothing has been put away.")
    session.out.say(" Next: keepone plan --decided" if photos else " Next: keepone review --tty")
    return Exit.OK


def legend() -> str:
    """Every key and what it does, in two lines."""
    words = [f"{shown} {told}" for shown, _, _, told in KEYS]
    middle = (len(words) + 1) // 2
    return "\n".join(" " + "   ".join(part) for part in (words[:middle], words[middle:]))


class _Table:
    """Where the person is, and what she did so far. `gone` are the rows that would go as the group is shown."""

    def __init__(self, session: Session, library: Library, shelf: Shelf, ids: list[str]) -> None:
        self._out = session.out
        self._library = library
        self._shelf = shelf
        self._ids = ids
        self._at = 0
        self._gone: set[int] = set()
        self._told: GroupCard | None = None
        self._acts: list[tuple[int, str]] = []
        self._actions: dict[str, Callable[[], None]] = {
            "accept": self._accept,
            "keep_all": lambda: self._everybody("keep_all"),
            "not_duplicates": lambda: self._everybody("not_duplicates"),
            "skip": lambda: self._everybody("skip"),
            "next": lambda: self._go(self._at + 1),
            "previous": lambda: self._go(self._at - 1),
            "undo": self._undo,
            "help": lambda: self._out.show(legend()),
        }

    def run(self, pressed: Iterable[str]) -> None:
        """Until `q`, or until nobody is at the keyboard any more."""
        does = {key: action for _, sent, action, _ in KEYS for key in sent}
        self._go(0)
        for key in pressed:
            action = does.get(key)
            if action == "end":
                return
            if action == "toggle":
                self._toggle(int(key) - 1)
            elif action is not None:
                self._actions[action]()

    @property
    def _card(self) -> Card | None:
        """The group that is shown; None after the last one."""
        return self._shelf.cards[self._ids[self._at]] if self._at < len(self._ids) else None

    def _go(self, place: int) -> None:
        """Show the group at a place of the list. After the last one it begins again with what is still open."""
        if place > len(self._ids):
            place = next((at for at, one in enumerate(self._ids) if not self._shelf.cards[one].decided), place - 1)
        self._at = max(0, min(len(self._ids), place))
        card = self._card
        self._told = self._read(card) if card else None
        self._gone = set(card.drop) if card else set()
        self._show()

    def _accept(self) -> None:
        card = self._card
        if card is not None and self._gone:
            self._note((card, "keep", {member.row for member in card.members} - self._gone))
        else:
            self._everybody("keep_all")

    def _everybody(self, verb: str) -> None:
        from dedupe_app.web.deciding import everybody

        if self._card is not None:
            self._note(everybody(self._card, verb))  # type: ignore[arg-type]

    def _note(self, answer: Answer) -> None:
        """Save an answer, say what it was, and go on to the next group that is open."""
        from dedupe_app.web.deciding import note
        from dedupe_core.words import bytes_text

        card, verb, _ = answer
        self._acts.append((self._at, note(self._library.store, self._shelf, [answer])))
        self._out.show(f" → {_VERBS.get(verb) or f'{_photos(len(card.drop))} marked, {bytes_text(card.freed)}'}")
        rest = range(self._at + 1, len(self._ids))
        self._go(next((at for at in rest if not self._shelf.cards[self._ids[at]].decided), len(self._ids)))

    def _undo(self) -> None:
        from dedupe_app.web.deciding import take_back

        if not self._acts:
            self._out.show(" there is nothing to take back")
            return
        place, token = self._acts.pop()
        take_back(self._library.store, self._shelf, token)
        self._out.show(" → taken back")
        self._go(place)

    def _toggle(self, place: int) -> None:
        photos = self._told.photos if self._told else ()
        if place >= len(photos):
            return
        row = photos[place].row
        if row in self._gone:
            self._gone.discard(row)
        elif len(self._gone) + 1 < len(photos):
            self._gone.add(row)
        else:
            self._out.show(" one photo of each group stays: choose another one first")
            return
        self._rows()

    def _read(self, card: Card) -> GroupCard | None:
        from dedupe_core.report_cards import group_card

        choice = self._library.store.runs.one(self._shelf.run, card.group.id)
        if choice is None:
            return None
        photos = self._library.store.assets.photos(member.row for member in card.members)
        return group_card(self._at + 1, choice, photos, self._library.connectors())

    def _show(self) -> None:
        from dedupe_core.words import readable

        out, told, card = self._out, self._told, self._card
        if told is None or card is None:
            still = sum(not self._shelf.cards[one].decided for one in self._ids)
            words = f"{still} still open: j begins again with them" if still else "all done"
            out.show(f"\n {out.bold(words)} · u takes the last answer back, q ends")
            return
        decided = "  (decided)" if card.decided else ""
        out.show(f"\n {out.bold(f'{told.number} of {len(self._ids)} · {told.title}')}  {told.score}{decided}")
        out.show(f" {readable(told.reason)}")
        self._rows()

    def _rows(self) -> None:
        """The photos, as they would stay or go."""
        from dedupe_core.words import readable

        assert self._told is not None
        for number, photo in enumerate(self._told.photos, 1):
            mark = self._out.paint("trash", "red") if photo.row in self._gone else self._out.paint("keep ", "green")
            self._out.show(f"  {number:2} {mark} {readable(photo.path)}")
            self._out.show(f"           {_facts(photo)}")
            if photo.warning:
                self._out.show(f"           {readable(photo.warning)}")
        stay = len(self._told.photos) - len(self._gone)
        self._out.show(f" Enter: {_photos(stay)} stay{'s' * (stay == 1)}, {len(self._gone)} trash")


def _photos(count: int) -> str:
    return f"{count} photo" if count == 1 else f"{count} photos"


def _facts(photo: PhotoCard) -> str:
    """Size and resolution always, then what differs, then what is special."""
    from dedupe_core.words import readable

    facts = (f"{fact.name} {fact.value} {fact.delta}".strip() for fact in photo.facts)
    words = (f"{photo.size} {photo.size_delta}".strip(), f"{photo.resolution} {photo.resolution_delta}".strip())
    return readable(" · ".join(one for one in (*words, *facts, *photo.chips) if one))
