"""Whatever lies in a folder of photos: one line each, and nothing else is disturbed."""

from __future__ import annotations

import io
import os
import resource
import socket
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, features

from connectors.local import LocalConnector, LocalOptions
from dedupe_core import decode, jpeg, look
from dedupe_core.decode import Unreadable, open_picture
from dedupe_core.engine import Engine, Outcome
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning, Settings
from dedupe_core.store import Store
from dedupe_core.tasks import Look, Task
from tests.pictures import jpeg as jpeg_of
from tests.pictures import png, scene

PHOTO = jpeg_of(scene(1, 640, 480))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int, color: int = 2) -> bytes:
    """A PNG with a header that promises everything and next to no data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def jpeg_of_size(width: int, height: int) -> bytes:
    at = PHOTO.index(b"\xff\xc0") + 5
    return PHOTO[:at] + struct.pack(">HH", height, width) + PHOTO[at + 4 :]


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    data = jpeg_of(scene(1, 400, 300), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def webp_of_size(width: int, height: int) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_loop() -> bytes:
    entry = struct.pack("<HHII", 0x0100, 4, 1, 10) + struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entry + struct.pack("<I", 8)


MALFORMED = {
    "empty.jpg": b"",
    "zeros.jpg": bytes(100_000),
    "text.jpg": b"Dear diary, this is no picture.\n" * 100,
    "page.jpg": b"<html><body onload=alert(1)></body></html>",
    "bomb.svg": b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><svg/>',
    "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "magic.jpg": b"\xff\xd8\xff",
    "magic.png": b"\x89PNG\r\n\x1a\n",
    "magic.gif": b"GIF89a",
    "magic.webp": b"RIFF\x04\0\0\0WEBP",
    "magic.tif": b"II*\0",
    "magic.bmp": b"BM",
    "magic.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "magic.cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "cut.jpg": PHOTO[: len(PHOTO) // 2],
    "almost.jpg": PHOTO[:-100],
    "no end.jpg": PHOTO[:-2],
    "cut.png": png(scene(2))[:5000],
    "half a gigapixel.png": png_of_size(23_000, 23_000),
    "2 to the 31.png": png_of_size(2**31 - 1, 2**31 - 1),
    "nothing.png": png_of_size(0, 0),
    "promise.png": png_of_size(9000, 9000),
    "huge.jpg": jpeg_of_size(65_500, 65_500),
    "flat.jpg": jpeg_of_size(0, 480),
    "scans.jpg": many_scans(300),
    "canvas.webp": webp_of_size(16_383, 16_383),
    "canvas.gif": b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b"\x2c" + bytes(9) + b"\x02\0;",
    "loop.tif": tiff_loop(),
    "header.bmp": b"BM" + struct.pack("<IIIIIIHHIIIIII", 70, 0, 54, 40, 13_370, 13_370, 1, 24, 0, 0, 0, 0, 0, 0),
    "raw.dng": b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHI4s", 0xC612, 1, 4, b"\1\4\0\0") + bytes(4),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=2, seconds=20, memory_mb=1024) as started:
        yield started


def test_every_malformed_file_is_one_line_and_the_photos_beside_it_are_read(engine: Engine, tmp_path: Path) -> None:
    for name, data in MALFORMED.items():
        (tmp_path / name).write_bytes(data)
    good = {
        "png as.jpg": png(scene(3)),
        "jpeg as.png": PHOTO,
        "photo.jpeg": jpeg_of(scene(4)),
        "UPPER.JPG": png(scene(5)),
    }
    for name, data in good.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.jpg"))
    local, store = LocalConnector("home", LocalOptions(path=tmp_path)), Store(None)
    start = time.monotonic()
    scan(store, local, Scanning(), Silent())
    counts = fingerprint(store, {"home": local}, engine, Settings(), Silent())
    assert time.monotonic() - start < 60
    listed = {photo.asset.name: photo for photo in store.assets.all()}
    signed = {name for name, photo in listed.items() if photo.signature}
    assert signed == set(good)
    for name in set(listed) - signed:
        assert listed[name].error, name
        assert "\n" not in listed[name].error
        assert len(listed[name].error) < 250
    assert counts.decoded == len(good)
    assert counts.failed == len(listed) - len(good)


@pytest.mark.parametrize("name", ["fifo", "folder", "link", "socket", "missing", "forbidden"])
def test_what_is_no_regular_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    match name:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link":
            (tmp_path / "photo.jpg").write_bytes(PHOTO)
            path.symlink_to(tmp_path / "photo.jpg")
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "forbidden":
            if os.geteuid() == 0:
                pytest.skip("root may read everything")
            path.write_bytes(PHOTO)
            path.chmod(0)
    seen = look.look(Task(1, str(path)))
    assert seen.error
    assert not seen.sha256


REASONS = {
    "text.jpg": "not a picture",
    "empty.jpg": "empty",
    "cut.jpg": "Incomplete",
    "almost.jpg": "Incomplete",
    "no end.jpg": "Incomplete",
    "huge.jpg": "too large: 65500 × 65500",
    "2 to the 31.png": "too large",
    "half a gigapixel.png": "too large",
    "nothing.png": "no pixels",
    "scans.jpg": "scans takes too long",
    "canvas.webp": "too large",
    "canvas.gif": "too large",
    "magic.png": "ends inside its header",
}


@pytest.mark.parametrize("name", REASONS)
def test_headers_alone_tell_what_is_wrong(name: str) -> None:
    with pytest.raises(Unreadable, match=REASONS[name]):
        open_picture(MALFORMED[name])


def test_ordinary_progressive_jpegs_are_far_from_the_limit_of_scans() -> None:
    data = jpeg_of(scene(1), progressive=True)
    assert 2 < data.count(b"\xff\xda") < 15
    assert open_picture(data).width == 320
    assert open_picture(many_scans(jpeg.MAX_SCANS - 20)).width == 400


def test_scan_marks_in_an_appendix_are_not_counted() -> None:
    assert open_picture(jpeg_of(scene(1), progressive=True) + b"\xff\xda" * 1000).width == 320


def test_bits_that_rotted_in_the_picture_never_crash(engine: Engine, tmp_path: Path) -> None:
    files = []
    for number in range(60):
        data = bytearray(PHOTO)
        for step in range(20):
            at = (number * 7919 + step * 104_729) % (len(data) - 700) + 650
            data[at] ^= 1 << (number + step) % 8
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(data)
        files.append(str(path))
    outcomes = list(engine.map(look.look, [[Task(n, file) for n, file in enumerate(files)]]))
    assert len(outcomes) == 60
    assert not any(outcome.error for outcome in outcomes)


@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_the_largest_picture_that_is_accepted_stays_within_a_gigabyte(
    engine: Engine, mode: str, tmp_path: Path
) -> None:
    side = 13_370
    path = tmp_path / "large.png"
    rows = zlib.compressobj(1)
    line = bytes(1 + side * len(mode))
    body = b"".join(rows.compress(line) for _ in range(side)) + rows.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, {"L": 0, "RGB": 2, "RGBA": 6}[mode], 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    (outcome,) = engine.map(_look_and_weigh, [[str(path)]])
    assert outcome.error == ""
    assert outcome.value is not None
    error, peak = outcome.value
    assert error == ""
    assert peak < 1 << 30


def _look_and_weigh(path: str) -> tuple[str, int]:
    seen = look.look(Task(1, path))
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the process that started this one had in memory then
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return seen.error, int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return seen.error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_no_file_makes_pillow_fill_up_what_is_missing() -> None:
    from PIL import ImageFile

    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.testdata
def test_the_collection_of_broken_files_costs_one_line_a_file(testdata: Path, engine: Engine) -> None:
    folder = testdata / "broken"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "licences" not in path.parts]
    start = time.monotonic()
    tasks = [[Task(number, str(path))] for number, path in enumerate(files)]
    outcomes: list[Outcome[Task, Look]] = list(engine.map(partial(look.look, limits=decode.LIMITS), tasks))
    assert time.monotonic() - start < 180
    assert len(outcomes) == len(files) >= 1000
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    looks = [outcome.value for outcome in outcomes if outcome.value is not None]
    assert all(bool(seen.error) != bool(seen.facts) for seen in looks)
    assert all("\n" not in seen.error and len(seen.error) < 250 for seen in looks)
    assert sum(seen.facts is not None for seen in looks) >= 190


@pytest.mark.slow
@pytest.mark.testdata
@pytest.mark.filterwarnings("ignore")
def test_what_pillow_decodes_strictly_is_decoded_here_too(testdata: Path) -> None:
    """The gate refuses only what is too large or too slow, and nothing that Pillow's strict reading calls a picture."""
    refused = []
    for path in sorted((testdata / "broken").rglob("*")):
        if not path.is_file() or path.stat().st_size > 2_000_000 or "licences" in path.parts:
            continue
        data = path.read_bytes()
        seen = look.look(Task(1, data))
        if seen.error and _pillow_reads(data) and "too" not in seen.error and "memory" not in seen.error:
            refused.append((path.name, seen.error))
    assert refused == []


def _pillow_reads(data: bytes) -> bool:
    formats = ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"] + (["AVIF"] if features.check("avif") else [])
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            if image.width * image.height > 20_000_000:
                return False
            image.draft("L", (200, 200))
            image.load()
    except Exception:  # noqa: BLE001  Pillow raises many kinds on hostile files; each of them means no
        return False
    return True
