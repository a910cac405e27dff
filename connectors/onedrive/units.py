"""A photo with its companions on the way: all or nothing, and undone from the receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import (
    Asset,
    Changed,
    ConnectorError,
    NotFound,
    Part,
    Receipt,
    Refused,
    Unavailable,
    Unsupported,
    Verb,
)
from connectors.onedrive.facts import Row, revision
from connectors.onedrive.moves import Moves, Spot, Taken, marked, marks, spot_of
from connectors.onedrive.scope import same_path

FolderOf = Callable[[Row], str]


class Units:
    """Writes on whole photos. `folder_of` gives the path of a row's folder; `restores` says whether the recycle bin
    gives back what it took."""

    def __init__(self, moves: Moves, folder_of: FolderOf, restores: bool) -> None:
        self._moves, self._folder_of, self._restores = moves, folder_of, restores

    def seen(self, asset: Asset) -> list[Spot]:
        """The photo and its parts as they lie now, if they still are what was seen. Raises `Changed`, `NotFound`."""
        row = self._moves.fresh(asset.id.key)
        folder = self._folder_of(row)
        if revision(row) != asset.revision or row.get("name") != asset.name or not same_path(folder, asset.folder):
            raise Changed(f"{asset.name} was changed or moved in OneDrive since it was looked at.")
        return [spot_of(row, folder), *(self._part(part, row, folder, asset) for part in asset.parts)]

    def _part(self, part: Part, leader: Row, folder: str, asset: Asset) -> Spot:
        try:
            row = self._moves.fresh(part.key)
        except NotFound as error:
            raise Changed(
                f"A companion of {asset.name} is gone from OneDrive; the photo stays with the rest."
            ) from error
        if revision(row) != part.revision or row["parentReference"]["id"] != leader["parentReference"]["id"]:
            raise Changed(f"{row.get('name')}, which belongs to {asset.name}, was changed or moved meanwhile.")
        return spot_of(row, folder)

    def move(self, asset: Asset, folder: str, token: str) -> Receipt:
        """See `Connector.move`."""
        before = self.seen(asset)
        if same_path(folder, before[0].folder):
            return _receipt("move", before, before, token)
        after = self._place(before, self._moves.folder(folder), folder, "dup")
        return _receipt("move", before, after, token)

    def _place(self, spots: Sequence[Spot], parent: str, folder: str, word: str) -> list[Spot]:
        """Under the first mark that is free for all of them."""
        for mark in marks(word, spots[0].key):
            try:
                return self._together(spots, parent, folder, mark)
            except Taken:
                continue
        raise Refused(f"{folder} has no free name for {spots[0].name}.")

    def _together(self, spots: Sequence[Spot], parent: str, folder: str, mark: str) -> list[Spot]:
        done: list[tuple[Spot, Spot]] = []
        try:
            for spot in spots:
                row = self._moves.relocate(spot, parent, _marked(spot, spots[0], mark))
                done.append((spot, spot_of(row, folder)))
        except Unavailable:
            raise  # unknown is not undone blindly: `settle` looks at it
        except ConnectorError:
            for spot, there in reversed(done):
                self._moves.relocate(there, spot.parent, spot.name)
            raise
        return [there for _, there in done]

    def recycle(self, asset: Asset, token: str) -> Receipt:
        """See `Connector.delete`. Where the bin gives nothing back, several files cannot go all or nothing."""
        if asset.parts and not self._restores:
            raise Refused(
                f"{asset.name} has companions, and this account's recycle bin gives nothing back: move it instead."
            )
        before = self.seen(asset)
        done: list[Spot] = []
        try:
            for spot in before:
                self._moves.recycle(spot)
                done.append(spot)
        except Unavailable:
            raise
        except ConnectorError:
            for spot in done:
                self._moves.bring_back(spot, spot.parent, spot.name)
            raise
        return _receipt("delete", before, before, token)

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """Look where the photo and its parts are. All there: the write happened. Some: it is finished, or taken back
        when that is no longer possible."""
        where = [self._where(key) for key in (asset.id.key, *(part.key for part in asset.parts))]
        if verb == "delete":
            return self._settle_delete(asset, where, token)
        if verb != "move":
            raise Unsupported("OneDrive only moves photos and puts them into its recycle bin.")
        at_target = [spot is not None and same_path(spot.folder, target) for spot in where]
        if where[0] is None:
            raise NotFound(f"{asset.name} is gone from OneDrive; its recycle bin may have it.")
        if not any(at_target):
            return None
        home = next((spot.parent for spot, there in zip(where, at_target, strict=True) if spot and not there), "")
        parent = home or self._moves.folder(asset.folder)
        before = [self._as_before(spot, asset, parent) for spot in where if spot is not None]
        return self._finish(asset, before, [spot for spot in where if spot is not None], at_target, target, token)

    def _finish(
        self, asset: Asset, before: list[Spot], where: list[Spot], at_target: list[bool], target: str, token: str
    ) -> Receipt | None:
        if len(where) != len(at_target):
            raise Changed(f"A companion of {asset.name} is gone from OneDrive; look at {target} yourself.")
        if all(at_target):
            return _receipt("move", before, where, token)
        for old, spot, there in zip(before, where, at_target, strict=True):
            if there:
                self._moves.relocate(spot, old.parent, old.name)
        return None

    def _where(self, key: str) -> Spot | None:
        try:
            row = self._moves.fresh(key)
        except NotFound:
            return None
        return spot_of(row, self._folder_of(row))

    @staticmethod
    def _as_before(spot: Spot, asset: Asset, parent: str) -> Spot:
        """Where an item was: the asset's own name, or its present one without the mark that the move gave it."""
        name = asset.name if spot.key == asset.id.key else _unmarked(spot.name, asset.id.key)
        return Spot(spot.key, parent, asset.folder, name, spot.created, spot.modified, spot.revision)

    def _settle_delete(self, asset: Asset, where: list[Spot | None], token: str) -> Receipt | None:
        there = [spot for spot in where if spot is not None]
        if len(there) == len(where):
            return None
        parent = there[0].parent if there else self._moves.folder(asset.folder)
        main = Spot(asset.id.key, parent, asset.folder, asset.name, "", _iso(asset.modified_at), asset.revision)
        if not there:
            parts = [Spot(part.key, parent, asset.folder, "", "", "", part.revision) for part in asset.parts]
            return _receipt("delete", [main, *parts], [main, *parts], token)
        for key, spot in zip((asset.id.key, *(part.key for part in asset.parts)), where, strict=True):
            if spot is None:
                self._moves.bring_back(_named(main, key, asset), parent, asset.name if key == main.key else "")
        return None

    def restore(self, receipt: Receipt) -> str:
        """Bring everything back to where it was, under a free name where the old one is taken; the photo's id."""
        if receipt.verb == "delete" and not self._restores:
            raise Unsupported("This account gives nothing back by program: open OneDrive's recycle bin in the browser.")
        before = [Spot(**one) for one in receipt.before["items"]]
        after = [Spot(**one) for one in receipt.after["items"]]
        parent = self._home(before[0])
        if receipt.verb == "delete":
            self._from_bin(before, parent)
        elif receipt.verb == "move":
            self._back(before, after, parent)
        else:
            raise Unsupported("OneDrive keeps no tags.")
        return before[0].key

    def _home(self, spot: Spot) -> str:
        """The folder's id if it still is that folder, else the folder at that path, made again when missing."""
        try:
            row = self._moves.fresh(spot.parent)
        except NotFound:
            return self._moves.folder(spot.folder)
        return str(row["id"]) if "folder" in row or "root" in row else self._moves.folder(spot.folder)

    def _back(self, before: list[Spot], after: list[Spot], parent: str) -> None:
        left = [(old, new) for old, new in zip(before, after, strict=True) if not self._is_back(old, new, parent)]
        for mark in marks("restored", before[0].key):
            try:
                for old, new in left:
                    self._moves.relocate(new, parent, _marked(old, before[0], mark))
                return
            except Taken:
                left = [(old, new) for old, new in left if not self._is_back(old, new, parent)]
        raise Refused(f"{before[0].folder} has no free name for {before[0].name}.")

    def _is_back(self, old: Spot, new: Spot, parent: str) -> bool:
        row = self._moves.fresh(old.key)
        there = row["parentReference"]["id"]
        return bool(there == parent and (parent != new.parent or row.get("name") != new.name))

    def _from_bin(self, before: list[Spot], parent: str) -> None:
        for mark in marks("restored", before[0].key):
            try:
                for spot in before:
                    self._moves.bring_back(spot, parent, _marked(spot, before[0], mark))
                return
            except Taken:
                continue
        raise Refused(f"{before[0].folder} has no free name for {before[0].name}.")


def _marked(spot: Spot, leader: Spot, mark: str) -> str:
    """A companion keeps what it shares with its photo: "a.jpg.xmp" of "a (dup).jpg" is "a (dup).jpg.xmp"."""
    stem = leader.name.rpartition(".")[0]
    if not spot.name:
        return ""
    if mark and stem and spot.name.casefold().startswith(f"{stem}.".casefold()):
        return f"{spot.name[: len(stem)]} ({mark}){spot.name[len(stem) :]}"
    return marked(spot.name, mark)


def _unmarked(name: str, key: str) -> str:
    """The name without the mark that a move of this photo gives."""
    worn = [f" ({mark})" for mark in marks("dup", key) if mark and f" ({mark})" in name]
    return name.replace(worn[0], "") if worn else name


def _named(main: Spot, key: str, asset: Asset) -> Spot:
    if key == main.key:
        return main
    part = next(part for part in asset.parts if part.key == key)
    return Spot(part.key, main.parent, main.folder, "", "", "", part.revision)


def _iso(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _receipt(verb: Verb, before: Sequence[Spot], after: Sequence[Spot], token: str) -> Receipt:
    return Receipt(verb, _side(before), _side(after), token)


def _side(spots: Sequence[Spot]) -> Mapping[str, Any]:
    main = spots[0]
    return {"key": main.key, "folder": main.folder, "name": main.name, "items": [spot.json() for spot in spots]}
