"""Changes in Photos with receipts: labels, and the metadata that a keeper takes over. Every change is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import FAVORITE, Asset, ConnectorError, Receipt, Refused, Unavailable
from connectors.photos import labels
from connectors.photos.albums import Albums, Opened
from connectors.photos.carrying import Carry
from connectors.photos.library import Library, other_library_open
from connectors.photos.options import PhotosOptions
from connectors.photos.photokit import PhotoKit
from connectors.photos.script import Facts, Script

Answer = Receipt | ConnectorError


class Writing:
    """Changes photos of one library. Receipts hold, for each changed field, what was and what is, and the albums that
    were joined or left as uuid and label."""

    def __init__(self, library: Library, options: PhotosOptions, script: Script, photokit: PhotoKit | None) -> None:
        self._library, self._options, self._script = library, options, script
        self.albums = Albums(library, options, script, photokit)

    def tag(self, asset: Asset, label: str, on: bool, token: str) -> Receipt:
        """Put a label on or take it off; a label that is (or is not) there already changes nothing."""
        self.check(asset)
        meant = labels.parse(label)
        if isinstance(meant, labels.Keyword):
            before = self._script.facts(asset.id.key)
            words = set(before.keywords) | {meant.word} if on else set(before.keywords) - {meant.word}
            return self._set(asset, before, {"keywords": tuple(sorted(words))}, token)
        return self._join(asset, label, token) if on else self._leave(asset, label, token)

    def join(self, assets: Sequence[Asset], label: str, tokens: Sequence[str], word: str) -> list[Answer]:
        """Put many photos into one album, each with the keyword `word` if there is one. The album is asked for, filled
        and read back once for all of them. Raises what concerns them all."""
        album = self.albums.open(label)
        assert album is not None
        before = self.albums.members(album)
        failed = self.albums.add(album, [asset.id.key for asset in assets if asset.id.key not in before])
        answers: list[Answer] = []
        for asset, token in zip(assets, tokens, strict=True):
            said, was = failed.get(asset.id.key), asset.id.key in before
            receipt = self._receipt(asset, {}, {}, token) if was else self._joined(asset, album, token)
            answers.append(Unavailable(said, 60) if said else self._worded(asset, receipt, word))
        return answers

    def _worded(self, asset: Asset, receipt: Receipt, word: str) -> Answer:
        """The same receipt with the keyword, which Photos has to be asked for photo by photo."""
        if not word:
            return receipt
        try:
            before = self._script.facts(asset.id.key)
            set_ = self._set(asset, before, _wanted(before, Carry(keywords=(word,))), receipt.token)
        except ConnectorError as error:
            return error
        return replace(set_, after={**receipt.after, "fields": set_.after["fields"]})

    def carry(self, keeper: Asset, carry: Carry, token: str) -> Receipt:
        """Give the keeper what `carry` says, and nothing else."""
        self.check(keeper)
        before = self._script.facts(keeper.id.key)
        receipt = self._set(keeper, before, _wanted(before, carry), token)
        joined: dict[str, Any] = {}
        made: list[str] = []
        for label in carry.albums:
            one = self._join(keeper, label, token)
            joined |= one.after["albums"]
            made += one.after["made"]
        return replace(receipt, after={**receipt.after, "albums": joined, "made": made})

    def settle(self, asset: Asset, label: str, token: str) -> Receipt | None:
        """The receipt of a tag that may have happened: the label is there now and was not when the photo was seen."""
        self.check(asset)
        meant, key = labels.parse(label), asset.id.key
        if isinstance(meant, labels.Keyword):
            now = self._script.facts(key)
            if meant.word not in now.keywords or label in asset.labels:
                return None
            return self._receipt(
                asset, {"keywords": _without(now.keywords, meant.word)}, {"keywords": now.keywords}, token
            )
        album = self.albums.open(label, make=False)
        if album is None or label in asset.labels or key not in self.albums.members(album):
            return None
        return self._receipt(asset, {}, {}, token, joined={album.key: label})

    def settle_carry(self, keeper: Asset, carry: Carry, token: str) -> Receipt | None:
        """The receipt of a carry that may have happened, wholly or in part: what of it is there now and was not when
        the keeper was seen; None when nothing of it is."""
        self.check(keeper)
        seen, now = _seen(keeper), self._script.facts(keeper.id.key)
        fields = {
            name: getattr(now, name) for name in _wanted(seen, carry) if getattr(now, name) != getattr(seen, name)
        }
        joined = {}
        for label in carry.albums:
            album = self.albums.open(label, make=False)
            if album is not None and label not in keeper.labels and keeper.id.key in self.albums.members(album):
                joined[album.key] = label
        if not fields and not joined:
            return None
        return self._receipt(keeper, {name: getattr(seen, name) for name in fields}, fields, token, joined=joined)

    def has(self, keeper: Asset, carry: Carry) -> bool:
        """Is all of it there now?"""
        now = self._script.facts(keeper.id.key)
        albums = [self.albums.open(label, make=False) for label in carry.albums]
        joined = all(album is not None and keeper.id.key in self.albums.members(album) for album in albums)
        return joined and not any(getattr(now, name) != value for name, value in _wanted(now, carry).items())

    def restore(self, receipt: Receipt) -> None:
        """Take a change back. What a person changed since stays: of keywords only ours go, and a field is set back only
        while it still says what we wrote."""
        key, before, after = str(receipt.before["key"]), receipt.before["fields"], receipt.after["fields"]
        self._script.check(key, str(receipt.before["name"]))
        for name in before:
            was, wrote, now = (
                _value(name, one) for one in (before[name], after[name], getattr(self._script.facts(key), name))
            )
            if name == "keywords":
                back = (set(now) - (set(wrote) - set(was))) | (set(was) - set(wrote))
                if back != set(now):
                    self._script.write(key, name, tuple(sorted(back)))
            elif now == wrote and now != was:
                self._script.write(key, name, was)
        self._restore_albums(key, receipt)

    def _joined(self, asset: Asset, album: Opened, token: str = "") -> Receipt:
        """The receipt of a photo that was put into an album."""
        made = (album.label,) if album.made else ()
        return self._receipt(asset, {}, {}, token, joined={album.key: album.label}, made=made)

    def _left(self, asset: Asset, album: Opened, token: str = "") -> Receipt:
        """The receipt of a photo that was taken out of an album."""
        return self._receipt(asset, {}, {}, token, left={album.key: album.label})

    def check(self, asset: Asset) -> None:
        """Raises `Refused` when Photos has another library open or means another photo by this uuid."""
        other = other_library_open(self._library.path)
        if other is not None:
            raise Refused(f"Photos has {other.name} open. Open {self._library.path.name} there, and try again.")
        self._script.check(asset.id.key, asset.name)

    def _restore_albums(self, key: str, receipt: Receipt) -> None:
        for album, label in receipt.after["albums"].items():
            found = self.albums.again(album, label)
            if found is not None:
                self.albums.take_out(found, [key])
                found = self.albums.again(album, label)
                ours = label in receipt.after["made"] or labels.below(label, self._options.folder)
                if found is not None and ours:
                    self.albums.drop_if_empty(found)
        for album, label in receipt.before["albums"].items():
            found = self.albums.again(album, label) or self.albums.open(label)
            if found is not None:
                _all_taken(self.albums.add(found, [key]))

    def _join(self, asset: Asset, label: str, token: str) -> Receipt:
        album = self.albums.open(label)
        assert album is not None
        if asset.id.key in self.albums.members(album):
            return self._receipt(asset, {}, {}, token)
        _all_taken(self.albums.add(album, [asset.id.key]))
        return self._joined(asset, album, token)

    def _leave(self, asset: Asset, label: str, token: str) -> Receipt:
        album = self.albums.open(label, make=False)
        if album is None or asset.id.key not in self.albums.members(album):
            return self._receipt(asset, {}, {}, token)
        self.albums.take_out(album, [asset.id.key])
        return self._left(asset, album, token)

    def _set(self, asset: Asset, before: Facts, wanted: Mapping[str, Any], token: str) -> Receipt:
        changed = {name: value for name, value in wanted.items() if getattr(before, name) != value}
        for name, value in changed.items():
            self._script.write(asset.id.key, name, value)
        return self._receipt(asset, {name: getattr(before, name) for name in changed}, changed, token)

    def _receipt(
        self,
        asset: Asset,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        token: str,
        joined: Mapping[str, str] | None = None,
        left: Mapping[str, str] | None = None,
        made: Sequence[str] = (),
    ) -> Receipt:
        who = {"key": asset.id.key, "name": asset.name}
        was = {**who, "fields": {name: _plain(value) for name, value in before.items()}, "albums": dict(left or {})}
        now = {**who, "fields": {name: _plain(value) for name, value in after.items()}, "albums": dict(joined or {})}
        return Receipt("tag", was, {**now, "made": list(made)}, token)


def _wanted(before: Facts, carry: Carry) -> dict[str, Any]:
    """The fields that carrying sets; what the keeper has of its own stays."""
    wanted: dict[str, Any] = {}
    if carry.keywords:
        wanted["keywords"] = tuple(sorted({*before.keywords, *carry.keywords}))
    if carry.favorite:
        wanted["favorite"] = True
    for name in ("title", "description", "place"):
        if getattr(carry, name) and not getattr(before, name):
            wanted[name] = getattr(carry, name)
    return wanted


def _seen(asset: Asset) -> Facts:
    words = tuple(sorted(label[1:] for label in asset.labels if label.startswith("#")))
    return Facts(words, FAVORITE in asset.flags, asset.title, asset.description, asset.place)


def _without(words: Sequence[str], word: str) -> tuple[str, ...]:
    return tuple(one for one in words if one != word)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _value(name: str, value: Any) -> Any:
    """A field as `Facts` has it, from the journal or from Photos."""
    if name == "place":
        return None if value is None else tuple(round(float(one), 6) for one in value)
    return tuple(value) if isinstance(value, list) else value


def _all_taken(failed: Mapping[str, str]) -> None:
    for said in failed.values():
        raise Unavailable(said, 60)
