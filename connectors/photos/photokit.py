"""The one seam to Apple's PhotoKit: away into Recently Deleted, and out of an album.

PhotoKit knows only the system's own library. Removing photos shows the system's own question, once for a whole batch;
what the person answers there is the answer. Nothing can bring photos back by program: the person does, for 30 days, in
Recently Deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.base import NotFound, Refused, Unavailable

READ_WRITE = 2
AUTHORIZED = 3
NAMES = {0: "was never asked", 1: "is restricted", 2: "is denied", 3: "is granted", 4: "is limited to some photos"}

USER_CANCELLED = 3072
IDENTIFIER_NOT_FOUND = 3201
CHANGE_NOT_SUPPORTED = 3300
LIMIT_EXCEEDED = 3307
ACCESS_RESTRICTED = 3310
ACCESS_USER_DENIED = 3311
CONSTANTS = {
    "PHPhotosErrorUserCancelled": USER_CANCELLED,
    "PHPhotosErrorIdentifierNotFound": IDENTIFIER_NOT_FOUND,
    "PHPhotosErrorChangeNotSupported": CHANGE_NOT_SUPPORTED,
    "PHPhotosErrorLimitExceeded": LIMIT_EXCEEDED,
    "PHPhotosErrorAccessRestricted": ACCESS_RESTRICTED,
    "PHPhotosErrorAccessUserDenied": ACCESS_USER_DENIED,
    "PHAccessLevelReadWrite": READ_WRITE,
    "PHAuthorizationStatusAuthorized": AUTHORIZED,
    "PHAuthorizationStatusLimited": 4,
}
"""Apple's names for the numbers above; a test compares them with the pyobjc package."""

_PHOTO, _ALBUM = "/L0/001", "/L0/040"


class PhotoKit:
    """Apple's framework; `module` stands in for pyobjc's `Photos` in tests."""

    def __init__(self, module: Any = None) -> None:
        self._module = module

    def authorization(self) -> int:
        """May this program read and write? One of `NAMES`; asks nobody."""
        return int(self._photos().PHPhotoLibrary.authorizationStatusForAccessLevel_(READ_WRITE))

    def delete(self, keys: Sequence[str]) -> None:
        """Move photos to Recently Deleted, all or none; macOS asks the person once. Raises `Refused` for a no."""
        photos = self._photos()
        assets = self._assets(keys)
        self._change(lambda: photos.PHAssetChangeRequest.deleteAssets_(assets))

    def take_out(self, album: str, keys: Sequence[str]) -> None:
        """Take photos out of an album; they stay in the library, and nobody is asked."""
        photos = self._photos()
        found = photos.PHAssetCollection.fetchAssetCollectionsWithLocalIdentifiers_options_([album + _ALBUM], None)
        if found.count() != 1:
            raise NotFound("The album is not in Photos any more.")
        collection, assets = found.firstObject(), self._assets(keys)

        def change() -> None:
            photos.PHAssetCollectionChangeRequest.changeRequestForAssetCollection_(collection).removeAssets_(assets)

        self._change(change)

    def _assets(self, keys: Sequence[str]) -> Any:
        wanted = [key + _PHOTO for key in keys]
        found = self._photos().PHAsset.fetchAssetsWithLocalIdentifiers_options_(wanted, None)
        if found.count() != len(wanted):
            raise NotFound(f"The system's library has {found.count()} of these {len(wanted)} photos. Nothing was done.")
        return found

    def _change(self, change: Callable[[], object]) -> None:
        library = self._photos().PHPhotoLibrary.sharedPhotoLibrary()
        done, error = library.performChangesAndWait_error_(change, None)
        if not done:
            raise explained(int(error.code()) if error is not None else 0, str(error))

    def _photos(self) -> Any:
        if self._module is None:
            try:
                import Photos
            except ImportError as error:
                raise Refused(f"This needs pyobjc-framework-Photos ({error}). pip install 'keepone[apple]'") from error
            self._module = Photos
        return self._module


def explained(code: int, said: str) -> NotFound | Refused | Unavailable:
    """The error that a number of PhotoKit stands for; in every case nothing was changed."""
    if code == USER_CANCELLED:
        return Refused("You said no. Nothing was changed.")
    if code in (ACCESS_USER_DENIED, ACCESS_RESTRICTED):
        return Refused("Photos may not be changed. Allow it in System Settings > Privacy & Security > Photos (Full).")
    if code == IDENTIFIER_NOT_FOUND:
        return NotFound("One of the photos is not in the system's library any more. Nothing was changed.")
    if code == CHANGE_NOT_SUPPORTED:
        return Refused("Photos does not allow this change on one of the photos. Nothing was changed.")
    if code == LIMIT_EXCEEDED:
        return Refused("These are more photos than Photos changes at once. Take fewer.")
    return Unavailable(f"Photos did not do it ({said}). Nothing was changed; try again.")
