"""The bytes around a picture: EXIF as cameras write it, and the companions that travel with photos."""

from __future__ import annotations

import io
import json
import struct
from datetime import datetime
from typing import NamedTuple, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedupe_app.demo.scenes import Picture

_EXIF_IFD = 0x8769
_APPLE_CONTENT_ID = 0x0011


class Entry(NamedTuple):
    """A value of a TIFF directory: its type, how many of it, and the bytes."""

    kind: int
    number: int
    data: bytes


Value = Union[Entry, bytes, "Directory"]
Directory = dict[int, Value]


def exif(camera: tuple[str, str], taken: datetime, orientation: int = 1, live_id: str = "") -> Image.Exif:
    """Make, model, time with hundredths and orientation; with `live_id` also Apple's maker note that carries it."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = camera
    tags[0x0112] = orientation
    tags[0x0132] = f"{taken:%Y:%m:%d %H:%M:%S}"
    inner = tags.get_ifd(_EXIF_IFD)
    inner[0x9003] = inner[0x9004] = f"{taken:%Y:%m:%d %H:%M:%S}"
    inner[0x9291] = f"{taken.microsecond // 10000:02d}"
    if live_id:
        inner[0x927C] = _apple_note(live_id)
    return tags


def _apple_note(live_id: str) -> bytes:
    """A maker note with one entry: the content identifier that the photo and its movie share."""
    text = live_id.encode("ascii") + b"\0"
    header = b"Apple iOS\0\0\1MM"
    entry_end = len(header) + 2 + 12 + 4
    return header + struct.pack(">HHHLLL", 1, _APPLE_CONTENT_ID, 2, len(text), entry_end, 0) + text


def jpeg(picture: Picture, quality: int = 90, tags: Image.Exif | None = None) -> bytes:
    """A JPEG file; without `tags` it has no EXIF, as messengers send it."""
    return _saved(picture, "JPEG", tags, quality=quality)


def png(picture: Picture, tags: Image.Exif | None = None) -> bytes:
    """A PNG file: the same pixels in another container."""
    return _saved(picture, "PNG", tags, compress_level=1)


def raw(picture: Picture, camera: tuple[str, str], taken: datetime) -> bytes:
    """A small DNG (1.4): the sensor's mosaic without compression, and the JPEG preview that the camera put in."""
    preview, mosaic = jpeg(picture, 88), _mosaic(picture)
    height, width = mosaic.shape
    times = _text(f"{taken:%Y:%m:%d %H:%M:%S}"), _text(f"{taken.microsecond // 10000:02d}")
    main: Directory = {
        **{254: _long(1), 256: _long(width), 257: _long(height), 258: _short(8, 8, 8), 259: _short(7), 262: _short(6)},
        **{
            271: _text(camera[0]),
            272: _text(camera[1]),
            273: preview,
            274: _short(1),
            277: _short(3),
            278: _long(height),
        },
        **{
            279: _long(len(preview)),
            306: times[0],
            330: _sensor(mosaic),
            34665: {36867: times[0], 37521: times[1]},
        },
        **{50706: _bytes(1, 4, 0, 0), 50707: _bytes(1, 1, 0, 0), 50708: _text(" ".join(camera))},
        **{
            50721: _fractions(1, 0, 0, 0, 1, 0, 0, 0, 1),
            50728: Entry(5, 3, struct.pack("<6L", *[1] * 6)),
            50778: _short(21),
        },
    }
    return _tiff(main)


def _mosaic(picture: Picture) -> NDArray[np.uint16]:
    """Every pixel through one colour of the RGGB pattern, 12 bits."""
    height, width = picture.shape[:2]
    channel = np.arange(height)[:, None] % 2 + np.arange(width)[None, :] % 2
    return np.take_along_axis(picture, channel[..., None], 2)[..., 0].astype("<u2") * 16


def _sensor(mosaic: NDArray[np.uint16]) -> Directory:
    height, width = mosaic.shape
    return {
        **{254: _long(0), 256: _long(width), 257: _long(height), 258: _short(16), 259: _short(1), 262: _short(32803)},
        **{273: mosaic.tobytes(), 277: _short(1), 278: _long(height), 279: _long(mosaic.nbytes), 284: _short(1)},
        **{33421: _short(2, 2), 33422: _bytes(0, 1, 1, 2), 50717: _short(4095)},
    }


def _tiff(main: Directory) -> bytes:
    """A little-endian TIFF file: bytes as a value become data that the entry points at, a dictionary a directory."""
    out = bytearray(b"II*\0\x08\0\0\0")
    _write(out, main)
    return bytes(out)


def _write(out: bytearray, directory: Directory) -> int:
    """Append a directory and what it points at; the place where it begins."""
    start = len(out)
    out += bytes(2 + 12 * len(directory) + 4)
    struct.pack_into("<H", out, start, len(directory))
    for index, (tag, value) in enumerate(sorted(directory.items())):
        kind, number, data = _entry(out, value)
        if len(data) > 4:
            data = struct.pack("<L", _append(out, data))
        struct.pack_into("<HHL4s", out, start + 2 + 12 * index, tag, kind, number, data.ljust(4, b"\0"))
    return start


def _entry(out: bytearray, value: Value) -> Entry:
    if isinstance(value, Entry):
        return value
    return _long(_append(out, value) if isinstance(value, bytes) else _write(out, value))


def _append(out: bytearray, data: bytes) -> int:
    out += bytes(len(out) % 2)
    start = len(out)
    out += data
    return start


def _bytes(*values: int) -> Entry:
    return Entry(1, len(values), bytes(values))


def _text(text: str) -> Entry:
    return Entry(2, len(text) + 1, text.encode("ascii") + b"\0")


def _short(*values: int) -> Entry:
    return Entry(3, len(values), struct.pack(f"<{len(values)}H", *values))


def _long(*values: int) -> Entry:
    return Entry(4, len(values), struct.pack(f"<{len(values)}L", *values))


def _fractions(*values: int) -> Entry:
    return Entry(10, len(values), b"".join(struct.pack("<ll", value, 1) for value in values))


def _saved(picture: Picture, kind: str, tags: Image.Exif | None, **options: object) -> bytes:
    buffer = io.BytesIO()
    if tags is not None:
        options["exif"] = tags
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Picture:
    """The upright pixels of a file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def with_comment(data: bytes, text: str) -> bytes:
    """The same JPEG with one metadata segment more: other bytes, equal pixels."""
    comment = text.encode("utf-8")
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]


def movie(live_id: str) -> bytes:
    """The smallest QuickTime file that says it is the movie of a Live Photo."""
    value = live_id.encode("ascii")
    name = b"com.apple.quicktime.content.identifier"
    handler = _box(b"hdlr", b"\0" * 8 + b"mdta" + b"\0" * 13)
    keys = _box(b"keys", struct.pack(">LL", 0, 1) + _box(b"mdta", name))
    items = _box(b"ilst", _box(struct.pack(">L", 1), _box(b"data", struct.pack(">LL", 1, 0) + value)))
    header = _box(b"mvhd", struct.pack(">LLLLL", 0, 0, 0, 600, 1800) + b"\0" * 80)
    moov = _box(b"moov", header + _box(b"meta", handler + keys + items))
    return _box(b"ftyp", b"qt  " + b"\0" * 4 + b"qt  ") + _box(b"mdat", bytes(2048)) + moov


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L", len(content) + 8) + kind + content


def takeout(title: str, taken: datetime) -> bytes:
    """The JSON file that Google Takeout puts beside a photo."""
    seconds = int((taken - datetime(1970, 1, 1)).total_seconds())
    place = {"latitude": 47.37, "longitude": 8.54, "altitude": 408.0}
    facts = {
        "title": title,
        "description": "On the way home",
        "photoTakenTime": {"timestamp": str(seconds), "formatted": f"{taken:%d.%m.%Y, %H:%M:%S} UTC"},
        "geoData": place,
    }
    return json.dumps(facts, indent=2).encode()


def xmp(rating: int) -> bytes:
    """An XMP sidecar with a rating."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{rating}"/>'
        "</rdf:RDF></x:xmpmeta>\n"
    ).encode()


def adjustments() -> bytes:
    """An AAE sidecar as iPhones write it beside an edited photo."""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>'
        b"<key>adjustmentFormatIdentifier</key><string>com.apple.photo</string></dict></plist>\n"
    )
