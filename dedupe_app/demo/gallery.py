"""The gallery of a family as one finds it: about eighty files in which everything that goes wrong in practice occurs.

`build(folder, seed)` writes the files and returns what they are; `truth.py` says which of them belong together.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from dedupe_app.demo import formats
from dedupe_app.demo.scenes import SCENES, Picture
from dedupe_app.demo.truth import Made

WIDTH, HEIGHT = 960, 720
_PHONE, _CAMERA = ("Nordlys", "Phone 4"), ("Oriel", "D20")
_START = datetime(2024, 6, 1, 10, 15, 30, 120000)
_MOTIFS = ("landscape", "town", "portrait", "table", "wood", "landscape", "town", "portrait", "table", "landscape")


@dataclass(frozen=True, slots=True)
class Shot:
    """One press of the shutter: the picture as the camera's file decodes, and that file."""

    name: str
    path: str
    taken: datetime
    camera: tuple[str, str]
    data: bytes
    picture: Picture


class Gallery:
    """The folder while it is filled. Every random number depends on the seed and the name of what is drawn."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.made: list[Made] = []

    def rng(self, name: str) -> np.random.Generator:
        """The generator of one thing, independent of what else is drawn."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def draw(self, motif: str, name: str, width: int = WIDTH, height: int = HEIGHT) -> Picture:
        """A new picture of a motif."""
        return SCENES[motif](self.rng(f"{motif} {name}"), width, height)

    def put(self, path: str, data: bytes, made: Made, when: datetime = _START) -> None:
        """Write one file and note what it is. A name that the file system refuses is left out: nobody can have it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.write_bytes(data)
        except OSError:
            if path.isprintable():
                raise
            return
        os.utime(target, (when.timestamp(), when.timestamp()))
        self.made.append(Made(path, made.scene, made.shot, made.pixels, hashlib.sha256(data).hexdigest(), made.role))

    def shoot(
        self, name: str, path: str, picture: Picture, taken: datetime, scene: str = "", live_id: str = ""
    ) -> Shot:
        """A photo as a camera leaves it."""
        camera = _PHONE if "IMG_" in path else _CAMERA
        data = formats.jpeg(picture, 82, formats.exif(camera, taken, live_id=live_id))
        self.put(path, data, Made(path, scene or name, name, name, ""), taken)
        return Shot(name, path, taken, camera, data, formats.decoded(data))

    def copy(self, shot: Shot, path: str, data: bytes, pixels: str = "", role: str = "photo") -> None:
        """Another file of a shot. `pixels` names its decoded pixels when they differ from the original's."""
        self.put(
            path, data, Made(path, shot.name, shot.name, pixels or shot.name, "", role), shot.taken + timedelta(days=40)
        )

    def beside(self, path: str, data: bytes, role: str = "part") -> None:
        """A file that is no photo of its own: a companion, or something broken."""
        self.put(path, data, Made(path, path, path, path, "", role))


def build(folder: Path, seed: int = 1) -> list[Made]:
    """Draw the gallery into `folder`, which must not exist or be empty. Raises FileExistsError otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name another folder for the demo.")
    gallery = Gallery(folder, seed)
    shots = list(_camera_photos(gallery))
    for fill in _FILLS:
        fill(gallery, shots)
    _quiet_pictures(gallery)
    _same_room(gallery)
    _burst(gallery)
    _raw_pair(gallery)
    _live_photo(gallery)
    _broken(gallery, shots[0])
    return sorted(gallery.made, key=lambda made: made.path)


def _camera_photos(gallery: Gallery) -> Iterator[Shot]:
    for number in range(20):
        motif = _MOTIFS[number % len(_MOTIFS)]
        taken = _START + timedelta(days=7 * number, minutes=13 * number, milliseconds=370 * number)
        name = f"IMG_{1001 + number}.JPG" if number % 3 else f"DSC{4100 + number}.JPG"
        size = (HEIGHT, WIDTH) if motif == "portrait" else (WIDTH, HEIGHT)
        picture = gallery.draw(motif, str(number), *size)
        yield gallery.shoot(f"shot {number}", f"Pictures/{taken:%Y/%m}/{name}", picture, taken)


def _exact_copies(gallery: Gallery, shots: list[Shot]) -> None:
    for shot in shots[:3]:
        stem, suffix = shot.path.rsplit(".", 1)
        gallery.copy(shot, f"{stem} (1).{suffix}", shot.data)
    for shot in (*shots[2:6], shots[19]):
        gallery.copy(shot, f"Backup of old phone/DCIM/100/{Path(shot.path).name}", shot.data)


def _strange_names(gallery: Gallery, shots: list[Shot]) -> None:
    names = ("two\nlines.jpg", "Ärger 🏔️ <b>&amp;.jpg", os.fsdecode(b"caf\xe9 \xff.jpg"), "n" * 250 + ".jpg")
    for shot, name in zip(shots[6:10], names, strict=True):
        gallery.copy(shot, f"Strange names/{name}", shot.data)


def _messenger(gallery: Gallery, shots: list[Shot]) -> None:
    for number, shot in enumerate(shots[8:12]):
        small = formats.jpeg(_resized(shot.picture, 640), 60)
        gallery.copy(shot, f"WhatsApp Images/IMG-20240714-WA{number:04d}.jpg", small, f"{shot.name} sent")


def _small_copies(gallery: Gallery, shots: list[Shot]) -> None:
    for shot in shots[11:13]:
        small = formats.jpeg(_resized(shot.picture, 400), 80)
        gallery.copy(shot, f"Desktop/for the web/{Path(shot.path).stem}-small.jpg", small, f"{shot.name} small")


def _edits(gallery: Gallery, shots: list[Shot]) -> None:
    changes: tuple[Callable[[Image.Image], Image.Image], ...] = (
        lambda image: ImageEnhance.Brightness(image).enhance(1.2),
        lambda image: ImageEnhance.Contrast(image).enhance(1.3),
        lambda image: ImageEnhance.Color(image).enhance(0.4),
    )
    for shot, change in zip(shots[13:16], changes, strict=True):
        picture = np.asarray(change(Image.fromarray(shot.picture)))
        tags = formats.exif(shot.camera, shot.taken)
        tags[0x0131] = "Paintbox 3"
        gallery.copy(
            shot, f"Edited/{Path(shot.path).stem}-edited.jpg", formats.jpeg(picture, 88, tags), f"{shot.name} edited"
        )


def _crops(gallery: Gallery, shots: list[Shot]) -> None:
    for shot, share in zip(shots[15:17], (0.06, 0.02), strict=True):
        height, width = shot.picture.shape[:2]
        cut = shot.picture[int(height * share) : -int(height * share), int(width * share) : -int(width * share)]
        gallery.copy(shot, f"Prints/{Path(shot.path).stem}-crop.jpg", formats.jpeg(cut, 90), f"{shot.name} cropped")


def _turned(gallery: Gallery, shots: list[Shot]) -> None:
    sideways = np.ascontiguousarray(np.rot90(shots[16].picture))
    tagged = formats.jpeg(sideways, 88, formats.exif(shots[16].camera, shots[16].taken, orientation=6))
    gallery.copy(shots[16], "Old disk/turned by its tag.jpg", tagged, "turned by tag")
    turns: tuple[tuple[str, Picture], ...] = (
        ("turned left", np.rot90(shots[17].picture)),
        ("upside down", np.rot90(shots[18].picture, 2)),
        ("mirrored", shots[19].picture[:, ::-1]),
    )
    for shot, (name, picture) in zip(shots[17:20], turns, strict=True):
        gallery.copy(shot, f"Old disk/{name}.jpg", formats.jpeg(np.ascontiguousarray(picture), 88), name)


def _same_pixels(gallery: Gallery, shots: list[Shot]) -> None:
    gallery.copy(shots[4], f"Old disk/{Path(shots[4].path).stem}.png", formats.png(shots[4].picture))
    for shot in shots[6:8]:
        gallery.copy(
            shot, f"Old disk/{Path(shot.path).name}", formats.with_comment(shot.data, "filed by an old program")
        )


def _date_stamp(gallery: Gallery, shots: list[Shot]) -> None:
    image = Image.fromarray(shots[10].picture)
    text, font = f"{shots[10].taken:%d.%m.%Y}", ImageFont.load_default(42)
    ImageDraw.Draw(image).text((image.width * 0.68, image.height * 0.9), text, (255, 140, 20), font, stroke_width=1)
    gallery.copy(shots[10], "Prints/with date.jpg", formats.jpeg(np.asarray(image), 90), "stamped", "marked")


def _takeout(gallery: Gallery, shots: list[Shot]) -> None:
    for shot in shots[12:14]:
        path = f"Takeout/Google Photos/Photos from {shot.taken:%Y}/{Path(shot.path).name}"
        gallery.copy(shot, path, shot.data)
        gallery.beside(f"{path}.supplemental-metadata.json", formats.takeout(Path(shot.path).name, shot.taken))


def _sidecars(gallery: Gallery, shots: list[Shot]) -> None:
    gallery.beside(f"{shots[0].path}.xmp", formats.xmp(5))
    gallery.beside(str(Path(shots[3].path).with_suffix(".xmp")), formats.xmp(3))
    gallery.beside(str(Path(shots[1].path).with_suffix(".AAE")), formats.adjustments())


def _quiet_pictures(gallery: Gallery) -> None:
    """Night, sky and documents: where hashes prove nothing, only true copies may be found."""
    for motif, count in (("night", 2), ("sky", 2), ("document", 3)):
        for number in range(count):
            width, height = (HEIGHT, WIDTH) if motif == "document" else (WIDTH, HEIGHT)
            data = formats.jpeg(gallery.draw(motif, str(number), width, height), 90)
            path, name = f"Scans and sky/{motif} {number}.jpg", f"{motif} {number}"
            gallery.put(path, data, Made(path, name, name, name, ""))
            if number == 0:
                gallery.put(f"Desktop/{motif}.jpg", data, Made("", name, name, name, ""))
            if (motif, number) == ("document", 1):
                again = formats.jpeg(formats.decoded(data), 60)
                gallery.put("Desktop/scan again.jpg", again, Made("", name, name, f"{name} again", ""))


def _same_room(gallery: Gallery) -> None:
    """Like, and yet not the same: one table with other things on it, once with capture times and once without."""
    for dated in (True, False):
        room = gallery.draw("table", f"room {dated}")
        for number in range(2):
            picture = _with_things(gallery.rng(f"things {dated} {number}"), room)
            name, taken = f"room {dated} {number}", _START + timedelta(days=100 + 30 * number)
            path = f"Pictures/Kitchen/{'IMG_' if dated else 'undated '}{2000 + number}.jpg"
            if dated:
                gallery.shoot(name, path, picture, taken, scene=f"room {dated}")
            else:
                gallery.put(path, formats.jpeg(picture, 90), Made(path, f"room {dated}", name, name, ""))


def _with_things(rng: np.random.Generator, picture: Picture) -> Picture:
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y, r = rng.uniform(200, 760), rng.uniform(200, 520), rng.uniform(90, 140)
        red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(red, green, blue), outline=(20, 20, 20), width=6)
        draw.rectangle((x - r / 2, y - r / 3, x + r / 2, y + r / 3), fill=(255 - red, 255 - green, blue))
    return np.asarray(image)


def _burst(gallery: Gallery) -> None:
    wide = gallery.draw("wood", "burst", WIDTH + 60, HEIGHT + 60)
    for number in range(4):
        left, top = 8 * number, 5 * number
        frame = Image.fromarray(wide[top : top + HEIGHT, left : left + WIDTH])
        x = 120 + 190 * number
        ImageDraw.Draw(frame).ellipse((x, 380, x + 130, 560), fill=(220, 60, 40), outline=(20, 20, 20), width=5)
        taken = datetime(2024, 8, 11, 15, 4, 2, 100000) + timedelta(milliseconds=900 * number)
        gallery.shoot(f"burst {number}", f"Pictures/2024/08/IMG_{3001 + number}.JPG", np.asarray(frame), taken, "burst")


def _raw_pair(gallery: Gallery) -> None:
    taken = datetime(2024, 9, 1, 8, 0, 0, 250000)
    shot = gallery.shoot("raw pair", "Pictures/2024/09/DSC5001.JPG", gallery.draw("landscape", "raw pair"), taken)
    gallery.beside("Pictures/2024/09/DSC5001.DNG", formats.raw(shot.picture, shot.camera, taken))


def _live_photo(gallery: Gallery) -> None:
    taken, live_id = datetime(2024, 9, 2, 18, 30, 0, 500000), "4C0F2E0A-7C1B-4B8E-9D5A-0B6A7E1F9C11"
    picture = gallery.draw("portrait", "live", HEIGHT, WIDTH)
    shot = gallery.shoot("live", "Pictures/2024/09/IMG_4001.JPG", picture, taken, live_id=live_id)
    gallery.beside("Pictures/2024/09/IMG_4001.MOV", formats.movie(live_id))
    gallery.copy(shot, "Backup of old phone/DCIM/100/IMG_4001.JPG", shot.data)
    gallery.beside("Backup of old phone/DCIM/100/IMG_4001.MOV", formats.movie(live_id))


def _broken(gallery: Gallery, shot: Shot) -> None:
    gallery.beside("Old disk/cut off.jpg", shot.data[: len(shot.data) // 12], "broken")
    gallery.beside("Old disk/not a photo.jpg", b"This is a text and no photo.\n" * 40, "broken")


def _resized(picture: Picture, edge: int) -> Picture:
    image = Image.fromarray(picture)
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return np.asarray(image)


_FILLS: tuple[Callable[[Gallery, list[Shot]], None], ...] = (
    _exact_copies,
    _strange_names,
    _messenger,
    _small_copies,
    _edits,
    _crops,
    _turned,
    _same_pixels,
    _date_stamp,
    _takeout,
    _sidecars,
)


def fingerprints(folder: Path) -> dict[bytes, tuple[str, int, int]]:
    """(sha256, mtime in ns, mode) of every file below a folder by its path in bytes; our own quarantine left out."""
    found = {}
    root = os.fsencode(folder)
    for below, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(b".keepone")]
        for path in (os.path.join(below, name) for name in names):  # noqa: PTH118 - pathlib knows no bytes
            facts, data = os.lstat(path), Path(os.fsdecode(path)).read_bytes()
            found[os.path.relpath(path, root)] = (hashlib.sha256(data).hexdigest(), facts.st_mtime_ns, facts.st_mode)
    return found
