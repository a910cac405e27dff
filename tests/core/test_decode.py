"""Pixels are the same, upright and in 8 bits, whatever the container, the mode and the orientation."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from dedupe_core import decode, formats, pixels
from dedupe_core.decode import Limits, Unreadable, gray, open_picture, pixel_digest, rgb, thumbnail
from tests.pictures import dng, exif, heic, jpeg, png, scene

PICTURE = scene(3, 480, 320)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean difference in grey levels."""
    assert a.shape == b.shape
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture as a camera held like that would store it."""
    marked = picture.copy()
    marked.getexif()[0x112] = {6: 8, 8: 6}.get(orientation, orientation)
    return ImageOps.exif_transpose(marked)


CONTAINERS = {
    "JPEG": lambda picture, block: jpeg(picture, 95, block),
    "PNG": lambda picture, block: saved(picture, "PNG", exif=block),
    "WEBP": lambda picture, block: saved(picture, "WEBP", lossless=True, exif=block),
    "AVIF": lambda picture, block: saved(picture, "AVIF", quality=95, exif=block),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_orientation_of_every_container_comes_out_upright(kind: str, orientation: int) -> None:
    data = CONTAINERS[kind](stored(PICTURE, orientation), exif(orientation=orientation))
    picture = open_picture(data)
    assert (picture.format, picture.width, picture.height) == (kind, 480, 320)
    assert picture.orientation == orientation
    assert apart(rgb(data, 480), np.asarray(PICTURE)) < 2.5
    assert apart(gray(data, 480), np.asarray(PICTURE.convert("L"))) < 2.5
    reference = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    assert np.array_equal(rgb(data, 480), reference)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_holds_at_scaled_size(orientation: int) -> None:
    large = scene(4, 1600, 1200)
    upright = gray(jpeg(large, 95), 200)
    turned = gray(jpeg(stored(large, orientation), 95, exif(orientation=orientation)), 200)
    assert upright.shape == (150, 200)
    assert apart(turned, upright) < 1.0


def test_a_tiff_is_turned_once(tmp_path: Path) -> None:
    data = saved(stored(PICTURE, 6), "TIFF", exif=Image.Exif(), tiffinfo={0x112: 6})
    picture = open_picture(data)
    assert (picture.width, picture.height, picture.orientation) == (480, 320, 6)
    assert apart(rgb(data, 480), np.asarray(PICTURE)) == 0


def test_an_orientation_outside_the_standard_means_upright() -> None:
    assert open_picture(jpeg(PICTURE, 90, exif(orientation=99))).orientation == 1
    assert open_picture(jpeg(PICTURE, 90, exif(orientation=0))).orientation == 1


def test_an_orientation_in_xmp_alone_holds() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = jpeg(stored(PICTURE, 6), 95, xmp=packet)
    assert open_picture(data).orientation == 6
    assert apart(rgb(data, 480), np.asarray(PICTURE)) < 2.5


def gradient(mode: str) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((96, 64))
    match mode:
        case "RGBA" | "LA":
            base = scene(1, 96, 64).convert(mode)
            base.putalpha(ramp)
            return base
        case "P":
            return scene(1, 96, 64).quantize(60)
        case "1":
            return ramp.convert("1")
        case _:
            return scene(1, 96, 64).convert(mode)


def on_white(picture: Image.Image) -> NDArray[np.uint8]:
    layers = picture.convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(ground, layers).convert("RGB"))


MODES = [(kind, mode) for kind in ("PNG", "TIFF", "WEBP") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]


@pytest.mark.parametrize(("kind", "mode"), [*MODES, ("GIF", "1"), ("GIF", "L"), ("GIF", "P")])
def test_every_mode_becomes_rgb_on_white(kind: str, mode: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = saved(gradient(mode), kind, **options)
    assert apart(rgb(data, 96), on_white(gradient(mode))) < 1
    assert apart(gray(data, 96), np.asarray(Image.fromarray(on_white(gradient(mode))).convert("L"))) < 1.5


def test_a_palette_with_a_transparent_colour_lies_on_white() -> None:
    picture = Image.new("P", (40, 30), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (0, 0, 20, 30))
    for kind in ("PNG", "GIF"):
        shown = rgb(saved(picture, kind, transparency=0), 40)
        assert shown[0, 0].tolist() == [0, 0, 255]
        assert shown[0, 39].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_jpegs_of_all_colour_kinds_decode_scaled_and_whole(mode: str) -> None:
    picture = scene(2, 800, 600)
    data = jpeg(picture.convert(mode), 95)
    assert apart(gray(data, 100), np.asarray(picture.convert("L").resize((100, 75), Image.Resampling.BOX))) < 3
    assert rgb(data, 800).shape == (600, 800, 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_become_their_upper_eight(kind: str) -> None:
    deep = (np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20).astype(np.uint16)
    data = saved(Image.fromarray(deep), kind)
    assert np.array_equal(gray(data, 64), deep >> 8)
    assert open_picture(data).header.deep


@pytest.mark.parametrize(("mode", "top"), [("I", 65535), ("I", 255), ("F", 1.0), ("F", 255.0), ("F", 4000.0)])
def test_numbers_of_any_range_give_a_picture(mode: str, top: float) -> None:
    numbers = np.linspace(0, top, 64 * 48).reshape(48, 64)
    data = saved(Image.fromarray(numbers.astype(np.int32 if mode == "I" else np.float32)), "TIFF")
    shown = gray(data, 64)
    assert shown[0, 0] == 0
    assert shown[-1, -1] >= 254
    assert np.all(np.diff(shown.astype(int).ravel()) >= 0)


def test_an_animation_is_its_first_frame() -> None:
    frames = [scene(seed, 80, 60).quantize(50) for seed in range(3)]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = saved(frames[0].convert("RGB"), kind, save_all=True, append_images=frames[1:], duration=50, **options)
        assert open_picture(data).frames == 3, kind
        assert apart(rgb(data, 80), np.asarray(frames[0].convert("RGB"))) < 3, kind


def test_pages_of_a_tiff_are_counted_and_the_first_is_shown() -> None:
    pages = [scene(seed, 80, 60) for seed in range(4)]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert open_picture(data).frames == 4
    assert np.array_equal(rgb(data, 80), np.asarray(pages[0]))


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_turned_by_its_decoder_alone(orientation: int) -> None:
    pytest.importorskip("pillow_heif")
    data = heic(stored(PICTURE, orientation), 95, exif(orientation=orientation))
    picture = open_picture(data)
    assert (picture.format, picture.width, picture.height) == ("HEIF", 480, 320)
    assert apart(rgb(data, 480), np.asarray(PICTURE)) < 4


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_a_raw_is_its_preview_upright_with_the_size_of_the_sensor(orientation: int) -> None:
    pytest.importorskip("rawpy")
    small = stored(PICTURE, orientation)
    data = dng(small, orientation=orientation, preview=jpeg(small.resize((small.width // 2, small.height // 2)), 95))
    picture = open_picture(data)
    assert (picture.format, picture.width, picture.height) == ("RAW", 480, 320)
    assert picture.orientation == orientation
    half = np.asarray(PICTURE.convert("L").resize((240, 160)))
    assert apart(gray(data, 480), half) < 4


def test_without_rawpy_a_raw_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(Unreadable, match=r"keepone\[raw\]"):
        open_picture(dng(PICTURE))


def test_the_small_picture_is_the_mean_of_the_large_one() -> None:
    large = scene(8, 1200, 900)
    exact = np.asarray(large.convert("L").resize((160, 120), Image.Resampling.BOX))
    assert apart(gray(png(large), 160), exact) < 1.0
    assert apart(gray(jpeg(large, 95), 160), exact) < 1.5


def test_a_picture_and_its_smaller_copy_come_out_alike() -> None:
    """Reduced by 1.5 and 2.3: edges that a ratio shifts would pass for a difference of the two."""
    cells = np.random.default_rng(3).integers(0, 256, (142, 189, 3), np.uint8)
    large = Image.fromarray(cells.repeat(8, axis=0).repeat(8, axis=1))
    small = large.resize((large.width * 3 // 4, large.height * 3 // 4), Image.Resampling.LANCZOS)
    one, other = (rgb(png(picture), 500).astype(int) for picture in (large, small))
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 5


def test_nothing_is_enlarged_and_the_long_side_is_as_asked() -> None:
    assert gray(jpeg(PICTURE), 4000).shape == (320, 480)
    assert gray(jpeg(PICTURE), 100).shape == (67, 100)
    assert rgb(jpeg(PICTURE.transpose(Image.Transpose.ROTATE_90)), 100).shape == (100, 67, 3)
    assert gray(png(Image.new("RGB", (3000, 2))), 100).shape == (1, 100)
    assert gray(jpeg(Image.new("RGB", (1, 1))), 100).shape == (1, 1)


def test_large_pictures_go_through_in_bands_and_come_out_as_if_they_had_not(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = scene(9, 700, 501).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    whole, digest = gray(png(picture), 175), pixel_digest(png(picture))
    monkeypatch.setattr(pixels, "_BAND", 10_000)
    assert np.array_equal(gray(png(picture), 175), whole)
    assert pixel_digest(png(picture)) == digest


def test_a_digest_is_of_pixels_and_not_of_their_container() -> None:
    data = jpeg(PICTURE, 90)
    decoded = Image.open(io.BytesIO(data)).convert("RGB")
    digest = pixel_digest(data)
    assert digest.startswith("480x320:")
    assert pixel_digest(png(decoded)) == digest
    assert pixel_digest(saved(decoded, "WEBP", lossless=True)) == digest
    assert pixel_digest(saved(decoded, "TIFF", compression="tiff_lzw")) == digest
    assert pixel_digest(saved(decoded, "BMP")) == digest
    assert pixel_digest(saved(decoded.convert("RGBA"), "PNG")) == digest
    assert pixel_digest(jpeg(PICTURE, 90, exif(camera=("A", "B")), icc_profile=b"some profile")) == digest
    assert pixel_digest(jpeg(PICTURE, 89)) != digest
    assert pixel_digest(png(decoded.crop((0, 0, 479, 320)))) != digest


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_digest_is_of_the_upright_picture(orientation: int) -> None:
    turned = saved(stored(PICTURE, orientation), "PNG", exif=exif(orientation=orientation))
    assert pixel_digest(turned) == pixel_digest(png(PICTURE))


def test_a_grey_picture_and_its_rgb_twin_have_one_digest() -> None:
    grey = PICTURE.convert("L")
    assert pixel_digest(png(grey)) == pixel_digest(png(grey.convert("RGB")))
    few = PICTURE.quantize(40)
    assert pixel_digest(png(few)) == pixel_digest(png(few.convert("RGB")))


def test_transparency_takes_part_in_a_digest() -> None:
    veiled = PICTURE.convert("RGBA")
    veiled.putalpha(128)
    assert pixel_digest(png(veiled)) != pixel_digest(png(PICTURE))


def test_what_holds_more_than_its_pixels_equals_only_itself() -> None:
    pytest.importorskip("rawpy")
    deep = saved(Image.fromarray(np.full((20, 30), 0x1234, np.uint16)), "PNG")
    other = saved(Image.fromarray(np.full((20, 30), 0x1235, np.uint16)), "PNG")
    flat = png(Image.new("L", (30, 20), 0x12))
    assert len({pixel_digest(deep), pixel_digest(other), pixel_digest(flat)}) == 3
    frames = [scene(seed, 30, 20) for seed in range(2)]
    moving = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert pixel_digest(moving) != pixel_digest(png(frames[0]))
    assert pixel_digest(moving) == pixel_digest(bytes(moving))
    assert pixel_digest(dng(PICTURE, preview=jpeg(PICTURE, 90))) != pixel_digest(jpeg(PICTURE, 90))


def test_a_thumbnail_is_small_upright_and_without_metadata() -> None:
    block = exif(orientation=6, camera=("Maker", "Model"))
    small = thumbnail(jpeg(stored(PICTURE, 6), 90, block), 120)
    shown = Image.open(io.BytesIO(small))
    assert (shown.format, shown.size) == ("JPEG", (120, 80))
    assert not shown.getexif()
    assert b"Maker" not in small


def test_limits_speak_before_anything_is_decoded() -> None:
    with pytest.raises(Unreadable, match="too large: 480 × 320"):
        open_picture(png(PICTURE), Limits(max_pixels=100_000))
    lean = Limits(memory=1 << 20)
    picture = open_picture(png(scene(1, 640, 640)), lean)
    with pytest.raises(Unreadable, match="1 MB of memory"):
        gray(picture, 100, lean)
    with pytest.raises(Unreadable, match="memory"):
        open_picture(saved(scene(1, 640, 640), "WEBP"), lean)


def test_a_progressive_jpeg_is_weighed_by_its_coefficients() -> None:
    lean = Limits(memory=1 << 20)
    data = jpeg(scene(1, 1000, 800), progressive=True)
    with pytest.raises(Unreadable, match="memory"):
        open_picture(data, lean)
    assert gray(jpeg(scene(1, 1000, 800)), 100, lean).shape == (80, 100)


def test_a_file_is_read_whole_and_never_through_a_link_or_a_fifo(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"bytes")
    assert decode.read(tmp_path / "a.jpg") == b"bytes"
    assert decode.read(b"as they are") == b"as they are"
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("link.jpg", "fifo.jpg", "folder.jpg", "missing.jpg", "nul\0.jpg"):
        with pytest.raises(Unreadable):
            decode.read(tmp_path / name)
    with pytest.raises(Unreadable, match="not decoded"):
        decode.read(tmp_path / "a.jpg", Limits(memory=16))


def test_a_profile_changes_no_pixel() -> None:
    plain = png(PICTURE)
    assert np.array_equal(rgb(saved(PICTURE, "PNG", icc_profile=b"x" * 200), 480), rgb(plain, 480))


def test_the_bits_of_an_avif_are_read_from_its_boxes() -> None:
    if not features.check("avif"):
        pytest.skip("Pillow without AVIF")
    data = bytearray(saved(PICTURE, "AVIF"))
    assert not open_picture(bytes(data)).header.deep
    assert formats.bits_of_boxes(bytes(data)) == 8
    at = data.index(b"pixi") + 8
    data[at + 1 : at + 4] = bytes([10, 10, 10])
    assert formats.bits_of_boxes(bytes(data)) == 10


def test_a_multi_picture_jpeg_shows_its_first_and_counts_them() -> None:
    data = saved(PICTURE, "MPO", save_all=True, append_images=[scene(4, 480, 320)])
    picture = open_picture(data)
    assert (picture.format, picture.frames) == ("JPEG", 2)
    assert pixel_digest(data) == pixel_digest(jpeg(PICTURE, 75))


def test_a_size_in_the_header_that_the_decoder_denies_is_checked_again() -> None:
    data = bytearray(png(PICTURE))
    data[16:24] = struct.pack(">II", 100, 100)
    with pytest.raises(Unreadable):
        gray(bytes(data), 50)
