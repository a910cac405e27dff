"""Apple's Photos framework as pyobjc shows it, over a library on the disk, with a person who answers its question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tests.fakes.photos.library import SyntheticLibrary


class _Error:
    def __init__(self, code: int) -> None:
        self._code = code

    def code(self) -> int:
        return self._code

    def __str__(self) -> str:
        return f"PHPhotosErrorDomain error {self._code}"


class _Fetched:
    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(keys)

    def count(self) -> int:
        return len(self.keys)

    def firstObject(self) -> str | None:
        return self.keys[0] if self.keys else None


class FakePhotosModule:
    """Stands in for `import Photos`. `answer` is the code of the error that ends a change (0: the person said yes);
    `questions` are the photos of each question that was shown."""

    def __init__(self, library: SyntheticLibrary, answer: int = 0, authorization: int = 3) -> None:
        self.library, self.answer, self.authorization = library, answer, authorization
        self.questions: list[list[str]] = []
        self._pending: list[Callable[[], None]] | None = None
        self.PHAsset = self.PHAssetCollection = self.PHPhotoLibrary = self
        self.PHAssetChangeRequest = self.PHAssetCollectionChangeRequest = self

    def authorizationStatusForAccessLevel_(self, level: int) -> int:
        assert level == 2
        return self.authorization

    def sharedPhotoLibrary(self) -> Any:
        return self

    def performChangesAndWait_error_(self, change: Callable[[], None], error: None) -> tuple[bool, _Error | None]:
        self._pending = []
        change()
        pending, self._pending = self._pending, None
        if self.answer:
            return False, _Error(self.answer)
        for step in pending:
            step()
        return True, None

    def fetchAssetsWithLocalIdentifiers_options_(self, identifiers: Sequence[str], options: None) -> _Fetched:
        assert all(one.endswith("/L0/001") for one in identifiers)
        return _Fetched([key for one in identifiers if self._there(key := one.split("/")[0])])

    def deleteAssets_(self, assets: _Fetched) -> None:
        assert self._pending is not None, "outside performChanges"
        self.questions.append(assets.keys)
        self._pending += [partial(self.library.set, key, ZTRASHEDSTATE=1) for key in assets.keys]

    def fetchAssetCollectionsWithLocalIdentifiers_options_(self, identifiers: Sequence[str], options: None) -> _Fetched:
        assert all(one.endswith("/L0/040") for one in identifiers)
        sql = "SELECT ZUUID FROM ZGENERICALBUM WHERE ZUUID = ?"
        return _Fetched([str(row[0]) for one in identifiers for row in self.library.ask(sql, one.split("/")[0])])

    def changeRequestForAssetCollection_(self, album: str) -> Any:
        row = int(self.library.ask("SELECT Z_PK FROM ZGENERICALBUM WHERE ZUUID = ?", album)[0][0])
        return _AlbumRequest(self, row)

    def later(self, step: Callable[[], None]) -> None:
        assert self._pending is not None, "outside performChanges"
        self._pending.append(step)

    def _there(self, key: str) -> bool:
        try:
            return bool(self.library.value(key, "ZTRASHEDSTATE") == 0)
        except KeyError:
            return False


class _AlbumRequest:
    def __init__(self, module: FakePhotosModule, row: int) -> None:
        self._module, self._row = module, row

    def removeAssets_(self, assets: _Fetched) -> None:
        for key in assets.keys:
            self._module.later(partial(self._module.library.take_out, self._row, key))
