"""Where a personal drive and a business drive answer differently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flavour:
    """One kind of account as Graph shows it, after its documentation and recorded answers."""

    drive_type: str
    drive_id: str
    hashes: tuple[str, ...]
    expand_thumbnails: bool
    restore: bool
    folder_ctag: bool
    full_photo_facet: bool
    fractions: bool
    path_in_delta: bool
    tombstone_lacks: tuple[str, ...]
    page_parameter: str
    rename_moves_ctag: bool
    specials: tuple[str, ...]
    crop: bool

    def item_id(self, number: int) -> str:
        """A lasting item id in the account's own style."""
        if self.drive_type == "personal":
            return f"{self.drive_id.upper()}!{'s' if number % 2 else ''}{number:0{32 if number % 2 else 4}x}"
        return f"01EMULAT{number:026X}"

    def etag(self, guid: str, item: str, version: int, migrated: bool) -> str:
        """The tag of everything about an item."""
        if self.drive_type == "personal" and not migrated:
            return f"a{item.replace('!', 'T')}.{version}"
        return f'"{{{guid}}},{version}"'

    def ctag(self, guid: str, item: str, version: int, migrated: bool) -> str:
        """The tag of an item's content."""
        if self.drive_type == "personal" and not migrated:
            return f"aYzp{item.replace('!', 'T')}.{version}"
        return f'"c:{{{guid}}},{version}"'


PERSONAL = Flavour(
    drive_type="personal",
    drive_id="0fab1234cd567890",
    hashes=("quickXorHash", "sha1Hash", "sha256Hash"),
    expand_thumbnails=True,
    restore=True,
    folder_ctag=True,
    full_photo_facet=True,
    fractions=True,
    path_in_delta=True,
    tombstone_lacks=("cTag", "size"),
    page_parameter="token",
    rename_moves_ctag=False,
    specials=("photos", "cameraroll", "documents", "approot"),
    crop=True,
)

BUSINESS = Flavour(
    drive_type="business",
    drive_id="b!EmulatedDriveOfAnOrganisation-0123456789abcdef",
    hashes=("quickXorHash",),
    expand_thumbnails=False,
    restore=False,
    folder_ctag=False,
    full_photo_facet=False,
    fractions=False,
    path_in_delta=False,
    tombstone_lacks=("cTag", "name"),
    page_parameter="$skiptoken",
    rename_moves_ctag=True,
    specials=("photos", "documents", "approot"),
    crop=False,
)
