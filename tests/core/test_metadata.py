"""Metadata are read from headers, believed where they make sense, and unknown elsewhere."""

from __future__ import annotations

import csv
import io
import struct
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from dedupe_core import exif, formats, metadata
from dedupe_core.decode import Unreadable, open_picture
from dedupe_core.header import Header
from dedupe_core.metadata import Facts, facts, moment
from tests.pictures import NOON, dng, heic, jpeg, scene
from tests.pictures import exif as exif_block

PICTURE = scene(1, 64, 48)


def read(data: bytes) -> Facts:
    return facts(open_picture(data).header)


def with_tags(main: dict[int, object] | None = None, inner: dict[int, object] | None = None) -> bytes:
    block = Image.Exif()
    block.update(main or {})
    block.get_ifd(exif.EXIF_POINTER).update(inner or {})
    return block.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_time_and_camera_are_read_from_every_container(kind: str) -> None:
    taken = datetime(2023, 12, 24, 18, 30, 5, 250_000)
    block = exif_block(taken, ("Canon", "Canon EOS 80D"))
    if kind == "HEIF":
        pytest.importorskip("pillow_heif")
        data = heic(PICTURE, exif_block=block)
    else:
        stream = io.BytesIO()
        tags = Image.Exif()
        tags.load(block)
        PICTURE.save(stream, kind, exif=tags)
        data = stream.getvalue()
    found = read(data)
    assert found.taken_at == taken
    assert found.camera == "Canon Canon EOS 80D"
    assert found.exif_fields >= 4


def test_a_raw_tells_the_time_of_its_own_directories() -> None:
    pytest.importorskip("rawpy")
    assert read(dng(PICTURE)).taken_at == NOON


@pytest.mark.parametrize(
    ("text", "fraction", "expected"),
    [
        ("2024:06:01 12:30:45", "", datetime(2024, 6, 1, 12, 30, 45)),
        ("2024:06:01 12:30:45", "7", datetime(2024, 6, 1, 12, 30, 45, 700_000)),
        ("2024:06:01 12:30:45", " 07 ", datetime(2024, 6, 1, 12, 30, 45, 70_000)),
        ("2024:06:01 12:30:45", "123456789", datetime(2024, 6, 1, 12, 30, 45, 123_456)),
        ("2024:06:01 12:30:45", "no", datetime(2024, 6, 1, 12, 30, 45)),
        ("2024-06-01T12:30:45.5+02:00", "", datetime(2024, 6, 1, 12, 30, 45, 500_000)),
        ("2024/6/1 9:05", "", datetime(2024, 6, 1, 9, 5)),
        (" 2024:06:01  12:30:45 ", "", datetime(2024, 6, 1, 12, 30, 45)),
        ("0000:00:00 00:00:00", "", None),
        ("    :  :     :  :  ", "", None),
        ("2024:13:01 12:30:45", "", None),
        ("2024:02:30 12:30:45", "", None),
        ("2024:06:01 24:00:00", "", None),
        ("2024:06:01", "", None),
        ("yesterday", "", None),
        ("", "", None),
    ],
)
def test_dates_are_read_as_cameras_write_them_and_impossible_ones_are_unknown(
    text: str, fraction: str, expected: datetime | None
) -> None:
    assert moment(text, fraction) == expected


def test_the_original_date_comes_before_the_digitised_and_the_date_of_editing_is_none() -> None:
    both = with_tags(inner={0x9003: "2020:01:01 00:00:00", 0x9004: "2021:01:01 00:00:00"})
    assert read(jpeg(PICTURE, 90, both)).taken_at == datetime(2020, 1, 1)
    later = with_tags(inner={0x9003: "0000:00:00 00:00:00", 0x9004: "2021:01:01 00:00:00", 0x9292: "5"})
    assert read(jpeg(PICTURE, 90, later)).taken_at == datetime(2021, 1, 1, 0, 0, 0, 500_000)
    assert read(jpeg(PICTURE, 90, with_tags({0x0132: "2022:01:01 00:00:00"}))).taken_at is None


def test_a_date_in_xmp_serves_where_exif_has_none() -> None:
    packet = b'<rdf:Description exif:DateTimeOriginal="2019-05-04T03:02:01.25+01:00"/>'
    assert read(jpeg(PICTURE, 90, xmp=packet)).taken_at == datetime(2019, 5, 4, 3, 2, 1, 250_000)
    element = b"<photoshop:DateCreated>2019-05-04T03:02:01</photoshop:DateCreated>"
    assert read(jpeg(PICTURE, 90, xmp=element)).taken_at == datetime(2019, 5, 4, 3, 2, 1)


def test_names_are_one_short_clean_line() -> None:
    block = with_tags({0x010F: "  Evil\nCorp\x1b[31m ", 0x0110: "M" * 60_000, 0x0131: "Editor\t 2"})
    found = read(jpeg(PICTURE, 90, block))
    assert found.camera.startswith("Evil Corp [31m MMM")
    assert len(found.camera) == 100
    assert found.software == "Editor 2"


def gps(latitude: tuple[float, ...], longitude: tuple[float, ...], sides: str = "NE") -> bytes:
    block = Image.Exif()
    block.get_ifd(exif.GPS_POINTER).update(
        {
            1: sides[0],
            2: tuple(IFDRational(round(part * 1000), 1000) for part in latitude),
            3: sides[1],
            4: tuple(IFDRational(round(part * 1000), 1000) for part in longitude),
        }
    )
    return block.tobytes()


def test_places_are_degrees_with_signs() -> None:
    found = read(jpeg(PICTURE, 90, gps((48, 51, 29.6), (2, 17, 40.2)))).place
    assert found == pytest.approx((48.85822, 2.2945), abs=1e-4)
    south = read(jpeg(PICTURE, 90, gps((33, 51.5, 0), (70, 39.5, 0), "SW"))).place
    assert south == pytest.approx((-33.85833, -70.65833), abs=1e-4)


@pytest.mark.parametrize("place", [((0, 0, 0), (0, 0, 0)), ((95, 0, 0), (2, 0, 0)), ((40, 0, 0), (190, 0, 0))])
def test_impossible_places_are_unknown(place: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    assert read(jpeg(PICTURE, 90, gps(*place))).place is None


def test_a_coordinate_without_denominator_is_unknown() -> None:
    block = bytearray(gps((48, 51, 29.6), (2, 17, 40.2)))
    order = exif.byte_order(bytes(block[6:8]))
    at = block.index(struct.pack(f"{order}II", 48, 1))
    assert read(jpeg(PICTURE, 90, bytes(block))).place is not None
    block[at + 4 : at + 8] = bytes(4)
    assert read(jpeg(PICTURE, 90, bytes(block))).place is None


def test_an_apple_note_gives_burst_and_live_photo() -> None:
    block = exif_block(NOON, ("Apple", "iPhone"), content_id="5A0B-LIVE", burst_id="77AA-BURST")
    found = read(jpeg(PICTURE, 90, block))
    assert (found.live_id, found.burst) == ("5A0B-LIVE", "77AA-BURST")


def test_a_burst_in_xmp_is_found() -> None:
    packet = b'<rdf:Description GCamera:BurstID="11223344-aa-bb"/>'
    assert read(jpeg(PICTURE, 90, xmp=packet)).burst == "11223344-aa-bb"


@pytest.mark.parametrize("grade", [1, 10, 25, 49, 50, 51, 75, 80, 90, 95, 99, 100])
def test_the_quality_of_a_standard_jpeg_is_exact(grade: int) -> None:
    assert read(jpeg(PICTURE, grade)).jpeg_quality == grade


def test_other_tables_get_the_nearest_quality_and_other_formats_none() -> None:
    assert 75 <= metadata.quality((20,) * 64) <= 90
    assert metadata.quality((255,) * 64) < 10
    stream = io.BytesIO()
    PICTURE.save(stream, "PNG")
    assert read(stream.getvalue()).jpeg_quality is None


def test_an_entity_bomb_in_xmp_stays_text() -> None:
    layers = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    packet = b"<!DOCTYPE x [<!ENTITY l0 'ha'>" + layers + b"]><x>&l11;</x>"
    start = time.monotonic()
    assert facts(Header("JPEG", 1, 1, xmp=packet)) == Facts()
    assert time.monotonic() - start < 1


def test_directories_that_point_at_themselves_end() -> None:
    entries = struct.pack("<HHII", exif.EXIF_POINTER, 4, 1, 8) + struct.pack("<HHII", exif.GPS_POINTER, 4, 1, 8)
    loop = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    assert exif.parse(loop).fields == 0
    assert exif.pages(loop) == 1


def test_a_count_of_billions_allocates_nothing() -> None:
    entry = struct.pack("<HHII", 0x010F, 2, 2**31, 8) + struct.pack("<HHII", 0x9003, 5, 2**30, 8)
    assert exif.parse(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 60_000) + entry).fields == 0


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=300)
def test_no_bytes_make_the_readers_raise(noise: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\x08\0\0\0"):
        header = Header("JPEG", 1, 1, exif=start + noise, xmp=noise)
        assert isinstance(facts(header), Facts)
    assert exif.pages(b"II*\0\x08\0\0\0" + noise) >= 1
    assert isinstance(metadata.facts(Header("JPEG", 1, 1, exif=exif_with_note(noise))), Facts)


def exif_with_note(noise: bytes) -> bytes:
    return with_tags(inner={exif.MAKER_NOTE: b"Apple iOS\0\0\1MM" + noise})


@given(
    st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP"])
)
@settings(deadline=None, max_examples=300)
def test_headers_of_noise_are_refused_and_never_crash(noise: bytes, magic: bytes) -> None:
    try:
        header = formats.inspect(magic + noise)
    except Unreadable:
        return
    assert header is not None


@pytest.mark.testdata
def test_real_photos_have_the_times_and_sizes_of_their_labels(testdata: Path) -> None:
    folder = testdata / "photos"
    checked = 0
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            picture = open_picture((folder / row["path"]).read_bytes())
            assert (picture.width, picture.height) == (int(row["w"]), int(row["h"]))
            if row["datetime"]:
                expected = moment(row["datetime"])
                found = facts(picture.header).taken_at
                if expected is not None and found is not None:
                    assert abs((found - expected).total_seconds()) < 1, row["path"]
                    checked += 1
    assert checked > 100
