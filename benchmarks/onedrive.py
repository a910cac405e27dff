"""What a OneDrive costs: bytes of a first full pass against a download, calls of a poll, items a second of a first
listing with its memory, and the counts that have to be nought. All against the emulator; nothing of it says how fast
Microsoft answers.

    python benchmarks/onedrive.py                      # 24 photos of 12 megapixels, 200,000 listed items
    python benchmarks/onedrive.py --photos 8 --items 20000
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

FLAVOURS = ("personal", "business")


def main() -> None:
    """Print everything."""
    arguments = _arguments()
    if arguments.client:
        print(json.dumps(listing(*arguments.client)))
        return
    if arguments.serve:
        serve(arguments.serve, arguments.items)
        return
    for flavour in FLAVOURS:
        print(f"{flavour}: a first pass over {arguments.photos} photos of 12 megapixels")
        first_pass(flavour, arguments.photos)
        print(f"{flavour}: a first listing of {arguments.items:,} items, the emulator in a process of its own")
        first_listing(flavour, arguments.items)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--serve", choices=FLAVOURS, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def first_pass(flavour: str, photos: int) -> None:
    """Listing and thumbnails of every photo, large ones for all and large ones for candidates only."""
    import tests.fakes.graph as fakes

    with fakes.GraphFake(getattr(fakes, flavour.upper())) as graph, tempfile.TemporaryDirectory() as folder:
        size = _gallery(graph, photos)
        print(f"  gallery: {size / 1e6:.0f} MB, {size / photos / 1e6:.2f} MB a photo")
        for way in ("large for all", "medium first"):
            graph.accounting.reset()
            asked = _pass(graph, Path(folder) / way, way == "large for all")
            fetched = sum(graph.accounting.bytes.values())
            print(
                f"  {way}: {fetched / 1e6:.2f} MB = {100 * fetched / size:.2f} % of the gallery, "
                f"{graph.accounting.calls['graph']} calls, {asked}, originals fetched: {graph.accounting.originals}"
            )
        _poll(graph, Path(folder) / "poll")
        _moves(graph, Path(folder) / "moves")


def _gallery(graph, photos: int) -> int:  # type: ignore[no-untyped-def]
    """Photos of one month: every eighth an exact copy, every twenty-fourth saved again by another program."""
    import tests.fakes.graph as fakes

    size = 0
    for number in range(photos):
        data = _photo(number)
        graph.drive.put(f"Pictures/2024/06/IMG_{number:04}.jpg", fakes.Content(data), modified=1e9 + number)
        size += len(data)
    return size


@cache
def _photo(number: int) -> bytes:
    from PIL import Image

    import tests.fakes.graph as fakes

    if number % 8 == 7:
        return _photo(number - 1)
    if number % 24 != 12:
        return fakes.picture(number, 4032, 3024, quality=92)
    out = io.BytesIO()
    Image.open(io.BytesIO(_photo(number - 1))).save(out, "JPEG", quality=85)
    return out.getvalue()


def _connector(graph, folder: Path):  # type: ignore[no-untyped-def]
    from connectors.onedrive import OneDriveConnector, OneDriveOptions

    tenant = "consumers" if graph.state.flavour.restore else "organizations"
    options = OneDriveOptions(endpoint=graph.url, state=folder, tenant=tenant)
    return OneDriveConnector("cloud", options, Token(graph.state.token()), graph.clock)


class Token:
    """One access token."""

    def __init__(self, value: str) -> None:
        self.value = value

    def token(self, refused: str | None = None) -> str:
        """The same again: the emulator takes it as long as it runs."""
        del refused
        return self.value


def _pass(graph, folder: Path, large: bool) -> str:  # type: ignore[no-untyped-def]
    """Everything large, for comparison; or what `keepone scan` does: medium first, large where it has to compare."""
    if large:
        cloud = _connector(graph, folder)
        assets = [asset for page in cloud.scan(None) for asset in page.assets]
        for asset in assets:
            cloud.preview(asset, 800)
        return f"{len(assets)} large thumbnails"
    scanned = _scanned(graph, folder)
    thumbnails = sum(one.host == "content" for one in graph.accounting.seen)
    return f"{thumbnails} thumbnails, {scanned}"


def _scanned(graph, folder: Path) -> str:  # type: ignore[no-untyped-def]
    from dedupe_app.config import build
    from dedupe_app.library import Library

    folder.mkdir()
    (folder / "token").write_text(graph.state.token())
    tenant = "consumers" if graph.state.flavour.restore else "organizations"
    state, token = str(folder / "state"), str(folder / "token")
    source = {"name": "cloud", "kind": "onedrive", "endpoint": graph.url, "tenant": tenant}
    source |= {"state": state, "token_file": token}
    config = build({"sources": [source], "data": str(folder / "data")}, "the benchmark")
    with Library.open(config) as library:
        library.scan()
        return f"{sum(len(group.drop) for group in library.groups())} copies found"


def _poll(graph, folder: Path) -> None:  # type: ignore[no-untyped-def]
    cloud = _connector(graph, folder)
    cursor = list(cloud.scan(None))[-1].cursor
    graph.accounting.reset()
    list(cloud.scan(cursor))
    print(f"  a poll without changes: {graph.accounting.calls['graph']} call")


def _moves(graph, folder: Path) -> None:  # type: ignore[no-untyped-def]
    """Every photo moved while the service throttles now and then."""
    from dedupe_app.demo.graph.faults import Fault

    cloud = _connector(graph, folder)
    assets = [asset for page in cloud.scan(None) for asset in page.assets]
    busy = (Fault("status", status=429, headers={"Retry-After": "7.5"}), Fault("status", status=503))
    graph.weather.storm(1, 0.1, busy)
    for asset in assets:
        cloud.move(asset, f"{asset.folder}/duplicates", "t")
    graph.weather.clear()
    kept = sum(graph.drive.items[asset.id.key].fs_modified == asset.modified_at for asset in assets)
    books = graph.accounting
    print(
        f"  {len(assets)} moves in a throttling service: mtime kept on {kept}; requests inside a Retry-After window: "
        f"{books.inside_window}; Authorization at the content host: {books.credentials_at_content}; "
        f"permanentDelete: {books.permanent_deletes}"
    )


def first_listing(flavour: str, items: int) -> None:
    """The emulator and the client in a process each, so that the client's memory is its own."""
    serving = subprocess.Popen(
        [sys.executable, __file__, "--serve", flavour, "--items", str(items)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert serving.stdout is not None
        url, token = serving.stdout.readline().split()
        done = subprocess.run(
            [sys.executable, __file__, "--client", flavour, url, token],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
    finally:
        serving.terminate()
        serving.wait()
    result = json.loads(done.stdout)
    print(
        f"  {result['items']:,} items in {result['seconds']:.1f} s = "
        f"{result['items'] / result['seconds']:,.0f} items/s into the store "
        f"({result['cpu']:.1f} s of processor time in the client); "
        f"{result['memory']:.0f} MB resident at most"
    )


def serve(flavour: str, items: int) -> None:
    """An emulated drive of photos without bytes, until it is told to stop."""
    import tests.fakes.graph as fakes

    graph = fakes.GraphFake(getattr(fakes, flavour.upper()))
    graph.accounting.keep = False
    with graph:
        for number in range(items):
            month = f"Pictures/{2005 + number % 20}/{1 + number // 20 % 12:02}"
            content = fakes.Content(
                known_size=3_000_000 + number, known_digest=str(number // 10 * 10 if number % 10 == 9 else number),
                facets={"image": {"width": 4032, "height": 3024}, "photo": {"takenDateTime": "2024-06-01T10:00:00Z"}},
            )  # fmt: skip
            graph.drive.put(f"{month}/IMG_{number:06}.jpg", content, modified=1e9 + number)
            _ = content.hashes
        print(graph.url, graph.state.token(), flush=True)
        threading.Event().wait()


def listing(flavour: str, url: str, token: str) -> dict[str, float]:
    """One first listing into a store."""
    from connectors.onedrive import OneDriveConnector, OneDriveOptions
    from dedupe_core.model import Silent
    from dedupe_core.scan import scan
    from dedupe_core.settings import Scanning
    from dedupe_core.store import Store

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "data") as store:
        tenant = "consumers" if flavour == "personal" else "organizations"
        options = OneDriveOptions(endpoint=url, state=Path(folder) / "state", tenant=tenant)
        cloud = OneDriveConnector("cloud", options, Token(token))
        start, cpu = time.perf_counter(), time.process_time()
        counts = scan(store, cloud, Scanning(), Silent())
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        assert not counts.halted, counts.halted
    return {"items": counts.changed, "seconds": seconds, "cpu": cpu, "memory": peak()}


def peak() -> float:
    """Megabytes resident at most. Linux hands the parent's ru_maxrss on through exec: the kernel's own line counts."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
