"""Exact copies and nothing else: no picture is decoded and most files are not even opened.

Only files of equal length can be equal; of those, only files whose first and last 4 KiB agree. What then remains is
read side by side: while two files agree byte by byte, one sha256 serves both. Where just two are of one length, which
is what most copies are, both steps are one. What each learned is kept in the store, so that no unchanged file is opened
again. Threads serve: reading and hashing run outside the interpreter's lock.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, NamedTuple

from connectors.base import Asset, Changed, Connector, ConnectorError, NotFound, Refused
from dedupe_core import files
from dedupe_core.counts import FingerprintCounts
from dedupe_core.header import Unreadable
from dedupe_core.identify import NOTHING_WANTED, Wanted, lines_of
from dedupe_core.model import Progress
from dedupe_core.store import Store
from dedupe_core.store.work import Twin

_ENDS = 4096
_CHUNK = 1 << 18
_PAGE = 256
_AT_ONCE = 4  # clusters that a thread takes at a time: most are done sooner than a thread is woken
_SIDE_BY_SIDE = 32


class _Blocks(threading.local):
    """A thread's room for the bytes under comparison, kept from file to file: threads that take and give back memory
    wait for each other, a fifteenth of the time."""

    def __init__(self) -> None:
        self.one, self.other = bytearray(_CHUNK), bytearray(_CHUNK)


_blocks = _Blocks()


class Seen(NamedTuple):
    """What reading one file gave: the digest of the whole in hex and the further ones that were asked for, that of its
    ends, or why there is none. `moving`: look again at the next scan."""

    digest: str = ""
    ends: str = ""
    error: str = ""
    moving: bool = False
    further: tuple[tuple[str, str], ...] = ()


Stream = IO[bytes] | io.FileIO
Reader = Callable[[Sequence[Stream], Sequence[Asset]], list[Seen]]
_Cluster = Sequence[Twin]
_UnderWay = tuple[Mapping[int, Asset], Iterable[dict[int, Seen]]]


def digests(
    store: Store, connectors: Mapping[str, Connector], progress: Progress, wanted: Wanted = NOTHING_WANTED
) -> FingerprintCounts:
    """Give a content to every asset that may have an exact copy, and to no other, with the digests that are wanted."""
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="keepone-hash") as readers:
        run = _Run(store, connectors, progress, readers, wanted)
        groups = list(store.work.twins())
        run.read("hashing", [group for group in groups if _is_pair(group)], functools.partial(pair_of, wanted))
        run.read("comparing ends", [[twin] for group in groups for twin in _endless(group)], ends_of)
        alike = [cluster for group in store.work.twins() for cluster in _clusters(group)]
        run.read("hashing", alike, functools.partial(whole_of, wanted))
    return run.counts()


def _is_pair(group: Sequence[Twin]) -> bool:
    """Two long files of one length, neither of which was ever read."""
    return len(group) == 2 and group[0].size > 2 * _ENDS and not any(twin.content or twin.ends for twin in group)


def _endless(group: Sequence[Twin]) -> Iterator[Twin]:
    """Those of one length whose ends are worth reading: not when one of them was hashed as a whole before, because then
    all have to be, and not those of a pair."""
    if not _is_pair(group) and not any(twin.content and not twin.ends for twin in group):
        yield from (twin for twin in group if not twin.content and not twin.ends and twin.size > 2 * _ENDS)


def _clusters(group: Sequence[Twin]) -> Iterator[_Cluster]:
    """What of one length has to be read as a whole: files of equal ends together; one by one the short, and those that
    another of their length, which has a content already, may be equal to."""
    unsure = any(twin.content and not twin.ends for twin in group)
    short = group[0].size <= 2 * _ENDS
    by_ends: dict[str, list[Twin]] = {}
    for twin in group:
        by_ends.setdefault(twin.ends, []).append(twin)
    for ends, alike in by_ends.items():
        unread = [twin for twin in alike if not twin.content]
        if unsure or short or len(unread) < len(alike):
            yield from ([twin] for twin in unread)
        elif ends and len(unread) > 1:
            yield from (unread[at : at + _SIDE_BY_SIDE] for at in range(0, len(unread), _SIDE_BY_SIDE))


class _Run:
    """Passes over assets: pages of clusters go through threads, and each page's findings are committed."""

    def __init__(
        self,
        store: Store,
        connectors: Mapping[str, Connector],
        progress: Progress,
        readers: ThreadPoolExecutor,
        wanted: Wanted,
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._progress = progress
        self._readers = readers
        self._wanted = wanted
        self._opened: dict[int, int] = {}
        self._tally = Counter[str]()

    def read(self, stage: str, clusters: Sequence[_Cluster], reader: Reader) -> None:
        """Run `reader` over clusters and keep what it found; no stage where there is nothing to read."""
        if not clusters:
            return
        self._progress.stage(stage, sum(len(cluster) for cluster in clusters))
        for known, seen in self._pages(clusters, reader):
            answers = {row: found for share in seen for row, found in share.items()}
            with self._store.transaction():
                self._keep(answers, known)
            for row, found in answers.items():
                self._note(row, known[row], found)

    def _pages(self, clusters: Sequence[_Cluster], reader: Reader) -> Iterator[_UnderWay]:
        """The assets of each page and what is seen of them; the next page is being read meanwhile."""
        waiting: deque[_UnderWay] = deque()
        for start in range(0, len(clusters), _PAGE):
            page = clusters[start : start + _PAGE]
            assets = self._at_hand(page)
            there = [{twin.row: assets[twin.row] for twin in cluster if twin.row in assets} for cluster in page]
            shares = [there[at : at + _AT_ONCE] for at in range(0, len(there), _AT_ONCE)]
            waiting.append((assets, self._readers.map(functools.partial(self._look, reader), shares)))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting

    def _keep(self, answers: Mapping[int, Seen], known: Mapping[int, Asset]) -> None:
        """Write ends and contents; a full scan sees later that these have no signature yet."""
        contents = [(row, f"sha256:{seen.digest}") for row, seen in answers.items() if seen.digest]
        self._store.work.set_ends([(row, seen.ends) for row, seen in answers.items() if seen.ends])
        self._store.work.put_unsigned([content for _, content in contents])
        self._store.work.set_contents(contents)
        for row, content in contents:
            self._store.digests.put(lines_of(answers[row].further, known[row].size, content, self._wanted))
        for row, seen in answers.items():
            if seen.error and not seen.moving:
                self._store.assets.set_error(row, seen.error)

    def counts(self) -> FingerprintCounts:
        """The sums; a file counts once, whatever was read of it."""
        failed, changed = self._tally["failed"], self._tally["changed"]
        read = len(self._opened)
        return FingerprintCounts(
            read=read,
            known=read - failed - changed,
            failed=failed,
            changed=changed,
            skipped=self._tally["skipped"],
            bytes=sum(self._opened.values()),
        )

    def _at_hand(self, page: Sequence[_Cluster]) -> dict[int, Asset]:
        found: dict[int, Asset] = {}
        rows = [twin.row for cluster in page for twin in cluster]
        for row, photo in self._store.assets.photos(rows).items():
            connector = self._connectors.get(photo.asset.id.source)
            if connector is not None and connector.features.reads:
                found[row] = photo.asset
        self._tally["skipped"] += len(rows) - len(found)
        return found

    def _look(self, reader: Reader, clusters: Sequence[Mapping[int, Asset]]) -> dict[int, Seen]:
        """Read the files of each cluster side by side, and what turned out to differ in another round."""
        answers: dict[int, Seen] = {}
        for cluster in clusters:
            waiting = dict(cluster)
            while waiting:
                answers.update(self._round(reader, waiting))
                waiting = {row: asset for row, asset in waiting.items() if row not in answers}
        return answers

    def _round(self, reader: Reader, waiting: Mapping[int, Asset]) -> dict[int, Seen]:
        answers: dict[int, Seen] = {}
        with ExitStack() as stack:
            streams: dict[int, Stream] = {}
            for row, asset in waiting.items():
                opened = self._open(asset, stack)
                if isinstance(opened, Seen):
                    answers[row] = opened
                else:
                    streams[row] = opened
            before = {row: _state(stream) for row, stream in streams.items()}
            try:
                found = reader(list(streams.values()), [waiting[row] for row in streams]) if streams else []
            except OSError as error:
                reason = f"The file cannot be read ({error.strerror or error})."
                return answers | dict.fromkeys(streams, Seen(error=reason))
            for (row, stream), seen in zip(streams.items(), found, strict=True):
                if _state(stream) != before[row]:
                    answers[row] = Seen(moving=True)
                elif seen.digest or seen.ends:
                    answers[row] = seen
        return answers

    def _open(self, asset: Asset, stack: ExitStack) -> Stream | Seen:
        connector = self._connectors[asset.id.source]
        try:
            path = connector.path(asset)
            if path is None:
                return stack.enter_context(connector.open(asset))
            file = stack.enter_context(files.open_file(path))
            return file if files.state(file)[0] == asset.size else Seen(moving=True)
        except (Changed, NotFound):
            return Seen(moving=True)
        except (Unreadable, Refused) as error:
            return Seen(error=str(error))
        except (ConnectorError, OSError) as error:
            return Seen(error=str(error), moving=True)

    def _note(self, row: int, asset: Asset, found: Seen) -> None:
        self._opened[row] = asset.size
        self._progress.advance(1, asset.size, asset.id.key)
        if found.moving:
            self._tally["changed"] += 1
            self._progress.error(asset.id.key, found.error or files.MOVING)
        elif found.error:
            self._tally["failed"] += 1
            self._progress.error(asset.id.key, found.error)


def _state(stream: Stream) -> tuple[int, int, int] | None:
    """Length and times of a local file; None for a stream of another kind, whose connector watches over it."""
    return files.state(stream) if isinstance(stream, io.FileIO) else None


def pair_of(wanted: Wanted, streams: Sequence[Stream], assets: Sequence[Asset]) -> list[Seen]:
    """`ends_of`, and `whole_of` where they are equal; of a second one that this tells apart only the ends are known."""
    seen = ends_of(streams, assets)
    if len(set(seen)) > 1:
        return seen
    for stream in streams:
        stream.seek(0)
    return [one._replace(ends=ends.ends) for one, ends in zip(whole_of(wanted, streams, assets), seen, strict=True)]


def ends_of(streams: Sequence[Stream], assets: Sequence[Asset]) -> list[Seen]:
    """sha256 of the first and the last 4 KiB of each."""
    found = []
    for stream, asset in zip(streams, assets, strict=True):
        digest = hashlib.sha256(stream.read(_ENDS))
        stream.seek(asset.size - _ENDS)
        digest.update(stream.read(_ENDS))
        found.append(Seen(ends=digest.hexdigest()))
    return found


def whole_of(wanted: Wanted, streams: Sequence[Stream], assets: Sequence[Asset]) -> list[Seen]:
    """sha256 of the first stream, for it and for every other that is equal to it byte by byte; nothing for the others.
    The `wanted` digests come from the same read."""
    first, *others = streams
    digest, further = hashlib.sha256(), files.begun(wanted.of(assets[0].size if assets else 0))
    block, beside = _blocks.one, _blocks.other
    equal = dict(enumerate(others, 1))
    while size := _fill(first, block):
        digest.update(memoryview(block)[:size])
        for _, hasher in further:
            hasher.update(memoryview(block)[:size])
        for index, other in list(equal.items()):
            if _fill(other, beside) != size or (beside != block if size == _CHUNK else beside[:size] != block[:size]):
                del equal[index]
    equal = {index: other for index, other in equal.items() if not _fill(other, beside)}
    found = Seen(digest.hexdigest(), further=files.ended(further))
    return [found if index == 0 or index in equal else Seen() for index in range(len(streams))]


def _fill(stream: Stream, block: bytearray) -> int:
    """Fill the block; fewer bytes only at the end of the stream, though it may give them in pieces."""
    size = stream.readinto(block) or 0  # type: ignore[union-attr]
    while 0 < size < len(block) and (more := stream.readinto(memoryview(block)[size:]) or 0):  # type: ignore[union-attr]
        size += more
    return size
