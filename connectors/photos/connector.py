"""Apple Photos as a place where photos live: the parts of this package behind the contract."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from connectors.base import (
    CLOUD_ONLY,
    EDITED,
    Asset,
    AssetId,
    Changed,
    Connector,
    ConnectorError,
    Digest,
    Features,
    NotFound,
    Options,
    Page,
    Receipt,
    Refused,
    Unsupported,
    Verb,
)
from connectors.photos import derivatives
from connectors.photos.albums import CHUNK
from connectors.photos.carrying import WORDS, Carry, carry_of, role_of
from connectors.photos.fingerprint import DIGEST, Fingerprint
from connectors.photos.library import Library
from connectors.photos.options import PhotosOptions
from connectors.photos.photokit import PhotoKit
from connectors.photos.script import Script
from connectors.photos.writing import Writing


class PhotosConnector(Connector):
    """One Photos library. Reading works everywhere; writing goes through Photos on the Mac whose library it is.

    `delete` of the contract is not offered: a removal needs the system's dialog, so it is made with the person, for
    many photos at once, by `connectors.photos.deleting`."""

    kind: ClassVar[str] = "photos"
    Options: ClassVar[type[Options]] = PhotosOptions

    def __init__(
        self, name: str, options: PhotosOptions, script: Script | None = None, photokit: PhotoKit | None = None
    ) -> None:
        self.name, self.options = name, options
        self._library = Library(name, options)
        here = sys.platform == "darwin"
        writes = not options.read_only and (here or script is not None)
        album = f"{options.folder}/{date.today().isoformat()}"
        self.features = Features(
            preview=True,
            tag=writes,
            carry=writes,
            restore=writes,
            reads=False,
            digests=(Digest(DIGEST, True, Fingerprint),),
            away=f"{album}/Redundant",
            stays=f"{album}/Keepers",
            together=CHUNK if writes else 1,
        )
        self.photokit = photokit or (PhotoKit() if here else None)
        self._writing = Writing(self._library, options, script or Script(), self.photokit) if writes else None

    @property
    def library(self) -> Path:
        """The bundle."""
        return self._library.path

    def scan(self, cursor: str | None) -> Iterator[Page]:
        """Everything, from one snapshot: Photos keeps no log that another program may follow."""
        del cursor
        assets = self._library.all()
        while page := tuple(itertools.islice(assets, self.options.page)):
            yield Page(page, walked=len(page))
        yield Page(restart=True)

    def look(self, asset_id: AssetId) -> Asset:
        """The photo as the library has it now."""
        self._mine(asset_id)
        return self._found(asset_id, self._library.some([asset_id.key]))

    def look_at(self, assets: Collection[Asset]) -> dict[str, Asset]:
        """Many photos as they are now, by uuid, for the price of one look; what is gone is left out."""
        return self._library.some([asset.id.key for asset in assets if asset.id.source == self.name])

    def open(self, asset: Asset) -> BinaryIO:
        """The original, where it is on this machine."""
        path = self.path(asset)
        if path is None:
            raise Refused(_away(asset))
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        return os.fdopen(handle, "rb")

    def path(self, asset: Asset) -> Path | None:
        """Where the original lies; None while it is only in iCloud. Raises as `open`."""
        self._mine(asset.id)
        now, original = self._library.whole(asset.id.key)
        if self._found(asset.id, now).revision != asset.revision:
            raise Changed(f"{asset.name} was changed in Photos since it was looked at. Scan again.")
        return original

    def preview(self, asset: Asset, edge: int) -> BinaryIO:
        """Photos' own rendering, which shows the edit; else the edited file, or the original of what was never edited.
        Raises `Refused` where there is none: with "Optimise Mac Storage" some photos have no rendering here."""
        self._mine(asset.id)
        small, whole = derivatives.paths(self.library, asset.id.key, edge), self._whole(asset)
        for path in itertools.chain(*((small, whole) if edge <= derivatives.MEDIUM_EDGE else (whole, small))):
            try:
                return path.open("rb")
            except OSError:
                continue
        raise Refused(f"{asset.name} has no preview on this machine. Look at it once in Photos, and scan again.")

    def _whole(self, asset: Asset) -> Iterator[Path]:
        """The file that shows the photo as it looks now. Asked last, and only when it comes to it: it costs a look
        into the database."""
        original, edited = self._library.files(asset.id.key)
        shown = edited if EDITED in asset.flags else original
        if shown is not None:
            yield shown

    def tag(self, asset: Asset, label: str, on: bool, token: str) -> Receipt:
        """Put it into an album ("Folder/Album", made when missing) or give it a keyword ("#word"), or take it back.
        An album of ours brings its keyword with it where `tag_keywords` asks for that."""
        writer, seen = self._writer(), self._seen([asset])[0]
        if on and self._brings_a_word(label):
            return writer.carry(seen, self._carry({"labels": [label]}), token)
        return writer.tag(seen, label, on, token)

    def tag_all(self, assets: Sequence[Asset], label: str, tokens: Sequence[str]) -> list[Receipt | ConnectorError]:
        """The same for many photos: one look into the library, and into an album fifty with one question to Photos."""
        if label.startswith("#") or len(assets) < 2:
            return super().tag_all(assets, label, tokens)
        now = self._library.some([asset.id.key for asset in assets])
        answers: dict[AssetId, Receipt | ConnectorError] = {}
        ready: list[tuple[Asset, str]] = []
        for asset, token in zip(assets, tokens, strict=True):
            try:
                ready.append((self._as_seen(asset, now), token))
            except ConnectorError as error:
                answers[asset.id] = error
        if ready:
            seen, theirs = [asset for asset, _ in ready], [token for _, token in ready]
            answers |= zip((asset.id for asset in seen), self._join(seen, label, theirs), strict=True)
        return [answers[asset.id] for asset in assets]

    def _join(self, assets: Sequence[Asset], label: str, tokens: Sequence[str]) -> list[Receipt | ConnectorError]:
        """Where Photos does not know the first of them as we do, each is asked for alone. Of the others their uuids say
        enough: an album that was read back has them, or has not."""
        writer = self._writer()
        word = WORDS[role_of(label, self.options.folder)] if self._brings_a_word(label) else ""
        try:
            writer.check(assets[0])
            return writer.join(assets, label, tokens, word)
        except (NotFound, Refused):
            return super().tag_all(assets, label, tokens)
        except ConnectorError as error:
            return [error] * len(assets)

    def carry(self, asset: Asset, gifts: Mapping[str, Any], token: str) -> Receipt:
        """Give a photo that stays what it lacks; the receipt is restored like that of a tag."""
        return replace(self._writer().carry(self._seen([asset])[0], self._carry(gifts), token), verb="carry")

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """Does the photo have the label, or all that it was to be given, and had it not when it was seen? What is there
        of it in part is taken back. A deleted photo is in Photos' trash, where only the person can take it out."""
        self._mine(asset.id)
        if verb == "delete":
            gone = asset.id.key not in self._library.some([asset.id.key])
            return deleted(asset, token) if gone else None
        if verb == "tag" and not self._brings_a_word(target):
            return self._writer().settle(asset, target, token)
        if verb not in ("tag", "carry"):
            raise Unsupported(f"{self.name} knows no {verb}.")
        carry = self._carry(json.loads(target) if verb == "carry" else {"labels": [target]})
        receipt = self._writer().settle_carry(asset, carry, token)
        if receipt is not None and not self._writer().has(asset, carry):
            self._writer().restore(receipt)
            return None
        return replace(receipt, verb=verb) if receipt is not None else None

    def restore(self, receipt: Receipt) -> Asset:
        """Take back a tag or carried metadata, leaving alone what was changed by hand since. A deleted photo comes back
        by the person's hand only: raises `Unsupported` until it did."""
        key, writer = str(receipt.before["key"]), self._writer()
        if receipt.verb == "delete":
            if key not in self._library.some([key]):
                raise Unsupported(
                    f"{receipt.before['name']} is in Recently Deleted, and no program can take it out. Do it in "
                    "Photos: Recently Deleted > Recover."
                )
        else:
            writer.restore(receipt)
        return self.look(AssetId(self.name, key))

    def _carry(self, gifts: Mapping[str, Any]) -> Carry:
        return carry_of(gifts, self.options.folder, self.options.tag_keywords)

    def _brings_a_word(self, label: str) -> bool:
        return self.options.tag_keywords and bool(role_of(label, self.options.folder))

    def close(self) -> None:
        """Take the snapshot away."""
        self._library.close()

    @property
    def writing(self) -> Writing:
        """What changes Photos. Raises `Unsupported` where nothing may."""
        return self._writer()

    def _seen(self, assets: Sequence[Asset]) -> list[Asset]:
        for asset in assets:
            self._mine(asset.id)
        now = self._library.some([asset.id.key for asset in assets])
        return [self._as_seen(asset, now) for asset in assets]

    def _as_seen(self, asset: Asset, now: dict[str, Asset]) -> Asset:
        self._mine(asset.id)
        here = self._found(asset.id, now)
        if here.revision != asset.revision:
            raise Changed(f"{asset.name} was changed in Photos since it was looked at. Scan again.")
        return here

    def _found(self, asset_id: AssetId, now: dict[str, Asset]) -> Asset:
        if asset_id.key not in now:
            raise NotFound(f"{asset_id.key} is not in {self.library.name} any more, or in its trash. Scan again.")
        return now[asset_id.key]

    def _mine(self, asset_id: AssetId) -> None:
        if asset_id.source != self.name:
            raise NotFound(f"{asset_id.key} is a photo of {asset_id.source}, not of {self.name}.")

    def _writer(self) -> Writing:
        if self._writing is None:
            why = "it is set to read_only" if self.options.read_only else "Photos runs on a Mac only"
            raise Unsupported(f"{self.name} cannot be changed from here: {why}.")
        return self._writing


def deleted(asset: Asset, token: str) -> Receipt:
    """The receipt of a photo that is in Recently Deleted."""
    who = {"key": asset.id.key, "name": asset.name}
    return Receipt("delete", who, who, token)


def _away(asset: Asset) -> str:
    if CLOUD_ONLY in asset.flags:
        return f"The original of {asset.name} is only in iCloud. Open it once in Photos, which downloads it."
    return f"The original of {asset.name} is not on this machine."
