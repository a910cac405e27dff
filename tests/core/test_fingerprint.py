"""Every new file is read once, decoded once, and what is learned of it survives its names."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from connectors.base import Asset, Connector, NotFound, Refused, SignInRequired, Unavailable
from connectors.local import LocalConnector, LocalOptions
from connectors.memory import MemoryConnector
from dedupe_core import reading
from dedupe_core.counts import FingerprintCounts
from dedupe_core.decode import open_picture
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import RECIPE, begin, fingerprint
from dedupe_core.glance import first_look
from dedupe_core.model import Photo, Relation, Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Limits, Scanning, Settings
from dedupe_core.store import Store
from tests.pictures import NOON, exif, jpeg, png, scene


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=2) as started:
        yield started


class Heard(Silent):
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.items = 0
        self.errors: dict[str, str] = {}

    def stage(self, name: str, total: int | None) -> None:
        self.stages.append((name, total))

    def advance(self, items: int = 1, size: int = 0, current: str = "") -> None:
        self.items += items

    def error(self, item: str, reason: str) -> None:
        self.errors[item] = reason


class Library:
    """A folder, its store, and how a scan of it goes."""

    def __init__(self, root: Path, engine: Engine) -> None:
        self.root = root
        self.store = Store(None)
        self.engine = engine
        self.local = LocalConnector("home", LocalOptions(path=root))
        self.others: dict[str, Connector] = {}
        self.heard = Heard()

    def put(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def scan(
        self, levels: Sequence[Relation] = ("exact", "pixels", "near"), limits: Limits | None = None
    ) -> FingerprintCounts:
        for connector in (self.local, *self.others.values()):
            scan(self.store, connector, Scanning(max_lost=1), Silent())
        return self.look(levels, limits)

    def look(
        self, levels: Sequence[Relation] = ("exact", "pixels", "near"), limits: Limits | None = None
    ) -> FingerprintCounts:
        settings = Settings(levels=tuple(levels), limits=limits or Limits())
        self.heard = Heard()
        return fingerprint(self.store, {"home": self.local, **self.others}, self.engine, settings, self.heard)

    def photo(self, key: str) -> Photo:
        return next(photo for photo in self.store.assets.all() if photo.asset.id.key == key)


@pytest.fixture
def library(tmp_path: Path, engine: Engine) -> Library:
    root = tmp_path / "photos"
    root.mkdir()
    return Library(root, engine)


def content(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_photo_gets_its_content_and_its_signature(library: Library) -> None:
    data = jpeg(scene(1, 800, 600), 90, exif(NOON, ("Canon", "EOS"), orientation=6))
    library.put("2024/a.jpg", data)
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known, counts.failed, counts.bytes) == (1, 1, 0, 0, len(data))
    photo = library.photo("2024/a.jpg")
    assert photo.content == content(data)
    signature = photo.signature
    assert signature is not None
    assert (signature.format, signature.width, signature.height, signature.orientation) == ("JPEG", 600, 800, 6)
    assert (signature.taken_at, signature.camera, signature.jpeg_quality) == (NOON, "Canon EOS", 90)
    assert len(signature.phashes) == 256
    assert signature.damage == ""


def test_the_hash_is_that_of_the_decoded_upright_picture(library: Library) -> None:
    data = jpeg(scene(2, 800, 600), 90, exif(orientation=3))
    library.put("a.jpg", data)
    library.scan()
    signature = library.photo("a.jpg").signature
    assert signature is not None
    looked_at = first_look(open_picture(data))
    assert signature.phashes[:32] == np.packbits(imagehash.phash(looked_at, hash_size=16).hash).tobytes()
    whole = imagehash.phash(Image.open(io.BytesIO(data)).transpose(Image.Transpose.ROTATE_180), hash_size=16)
    distance = np.unpackbits(np.frombuffer(signature.phashes[:32], np.uint8)) ^ whole.hash.ravel()
    assert distance.sum() <= 12


def test_flat_sharp_and_burnt_pictures_are_told_apart(library: Library) -> None:
    picture = scene(3, 640, 480)
    library.put("sharp.png", png(picture))
    library.put("blurred.png", png(picture.resize((80, 60)).resize((640, 480))))
    library.put("flat.png", png(Image.new("RGB", (640, 480), (200, 200, 200))))
    library.put("burnt.png", png(picture.point(lambda level: min(255, level * 5))))
    library.scan()
    sharp, blurred, flat, burnt = (
        library.photo(f"{name}.png").signature for name in ("sharp", "blurred", "flat", "burnt")
    )
    assert sharp is not None
    assert blurred is not None
    assert flat is not None
    assert burnt is not None
    assert sharp.sharpness > 1.5 * blurred.sharpness
    assert (flat.luma_sd, flat.gradient, flat.fullest_bin, flat.sharpness) == (0, 0, 1, 0)
    assert burnt.clipped > 0.3 > sharp.clipped
    assert sharp.luma_sd == pytest.approx(np.asarray(picture.convert("L")).std(), rel=0.1)


def test_unchanged_files_are_not_opened_again(library: Library) -> None:
    for number in range(5):
        library.put(f"{number}.jpg", jpeg(scene(number)))
    library.put("broken.jpg", b"no picture at all")
    assert library.scan().read == 6
    for path in library.root.iterdir():
        path.chmod(0)
    assert library.look().read == 0
    assert library.heard.items == 0


def test_a_moved_or_renamed_photo_is_hashed_and_not_decoded(library: Library) -> None:
    library.put("a.jpg", jpeg(scene(1)))
    library.put("b.jpg", jpeg(scene(2)))
    library.scan()
    (library.root / "2024").mkdir()
    (library.root / "a.jpg").rename(library.root / "2024" / "other name.jpg")
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known) == (1, 0, 1)
    moved = library.photo("2024/other name.jpg")
    assert moved.signature is not None
    assert moved.content == content(jpeg(scene(1)))


def test_a_copy_in_another_source_is_not_decoded(library: Library) -> None:
    data = jpeg(scene(1))
    library.put("a.jpg", data)
    library.scan()
    cloud = MemoryConnector("cloud")
    cloud.put("b.jpg", data)
    library.others["cloud"] = cloud
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known) == (1, 0, 1)
    assert len(library.store.assets.exact()) == 1


def test_copies_that_lie_beside_each_other_are_decoded_once(library: Library) -> None:
    for number in range(20):
        for name in ("", " (1)", " copy"):
            library.put(f"{number}{name}.jpg", jpeg(scene(number)))
    cloud = MemoryConnector("cloud")
    for name in ("a", "b"):
        cloud.put(f"{name}.jpg", jpeg(scene(99)))
    library.others["cloud"] = cloud
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known) == (62, 21, 41)
    assert sorted(len(rows) for rows in library.store.assets.exact()) == [2, *[3] * 20]
    assert library.heard.items == 62


def test_different_photos_of_one_length_are_all_decoded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_WAITING", 3)
    for number in range(12):
        library.put(f"{number}.bmp", bmp(scene(number)))
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known) == (12, 12, 0)
    assert all(photo.signature for photo in library.store.assets.all())


def test_an_unreadable_file_does_not_speak_for_its_copy(library: Library) -> None:
    path = library.put("a.jpg", jpeg(scene(1)))
    library.put("b.jpg", path.read_bytes())
    scan(library.store, library.local, Scanning(max_lost=1), Silent())
    path.unlink()
    counts = library.look()
    assert (counts.decoded, counts.known, counts.failed + counts.changed) == (1, 0, 1)
    assert library.photo("b.jpg").signature is not None


def test_an_edited_photo_of_equal_length_is_decoded(library: Library) -> None:
    path = library.put("a.bmp", bmp(scene(1)))
    library.scan()
    before = library.photo("a.bmp")
    path.write_bytes(bmp(scene(2)))
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.known) == (1, 1, 0)
    assert library.photo("a.bmp").content != before.content


def bmp(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "BMP")
    return stream.getvalue()


def test_photos_that_only_a_connector_can_open_come_through_it(library: Library) -> None:
    cloud = MemoryConnector("cloud")
    for number in range(30):
        cloud.put(f"{number}.jpg", jpeg(scene(number)))
    cloud.put("x.jpg", b"text")
    library.others["cloud"] = cloud
    counts = library.scan()
    assert (counts.read, counts.decoded, counts.failed) == (31, 30, 1)
    assert list(library.heard.errors.values()) == ["This is not a picture of a known format."]


class Moody(MemoryConnector):
    """Opens nothing, for the reason given."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self.error = error

    def open(self, asset: Asset) -> BinaryIO:
        raise self.error


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (NotFound("gone"), False),
        (Unavailable("The server is away.", 5), False),
        (SignInRequired("Sign in first."), False),
        (Refused("You may not."), True),
    ],
)
def test_only_a_refusal_is_the_fault_of_the_file(library: Library, error: Exception, recorded: bool) -> None:
    cloud = Moody("cloud", error)
    cloud.put("a.jpg", jpeg(scene(1)))
    library.others["cloud"] = cloud
    counts = library.scan()
    assert (counts.failed, counts.changed) == ((1, 0) if recorded else (0, 1))
    assert len(library.heard.errors) == 1
    assert library.store.work.count_unsigned(RECIPE) == (0 if recorded else 1)


def test_sources_that_are_not_at_hand_wait(library: Library) -> None:
    library.put("a.jpg", jpeg(scene(1)))
    scan(library.store, library.local, Scanning(), Silent())
    counts = fingerprint(library.store, {}, library.engine, Settings(), Silent())
    assert (counts.read, counts.skipped) == (0, 1)
    assert library.look().decoded == 1


def test_what_is_wrong_with_a_file_is_one_line_until_it_changes(library: Library) -> None:
    data = jpeg(scene(1, 640, 480))
    path = library.put("cut.jpg", data[: len(data) // 2])
    library.put("good.jpg", data)
    counts = library.scan()
    assert (counts.decoded, counts.failed) == (1, 1)
    assert library.heard.errors == {"cut.jpg": "Incomplete: the picture's data end too early."}
    assert [(photo.asset.id.key, reason) for photo, reason in library.store.assets.errors()] == [
        ("cut.jpg", "Incomplete: the picture's data end too early.")
    ]
    assert library.scan().read == 0
    path.write_bytes(jpeg(scene(5)))
    assert library.scan().decoded == 1
    assert library.store.assets.errors() == []


def test_a_file_that_cannot_be_decoded_has_a_content_all_the_same(library: Library) -> None:
    library.put("a.jpg", b"some bytes")
    library.put("b.jpg", b"some bytes")
    library.scan()
    assert len(library.store.assets.exact()) == 1


def test_empty_files_are_errors_and_never_copies(library: Library) -> None:
    cloud = MemoryConnector("cloud")
    cloud.put("a.jpg", b"")
    cloud.put("b.jpg", b"")
    library.others["cloud"] = cloud
    counts = library.scan()
    assert counts.failed == 2
    assert library.store.assets.exact() == []


def test_damage_that_still_decodes_is_noted(library: Library) -> None:
    library.put("no end.png", png(scene(1))[:-12])
    library.put("trailer.jpg", jpeg(scene(2)) + b"a camera's appendix" * 100)
    library.scan()
    damaged, fine = library.photo("no end.png").signature, library.photo("trailer.jpg").signature
    assert damaged is not None
    assert fine is not None
    assert "no end mark" in damaged.damage
    assert fine.damage == ""


def test_a_file_that_grew_since_it_was_listed_is_left_for_the_next_scan(library: Library) -> None:
    path = library.put("a.jpg", jpeg(scene(1)))
    library.put("b.jpg", jpeg(scene(2)))
    scan(library.store, library.local, Scanning(), Silent())
    path.write_bytes(jpeg(scene(3, 500, 400)))
    counts = library.look()
    assert (counts.decoded, counts.changed, counts.failed) == (1, 1, 0)
    assert library.photo("a.jpg").content == ""
    assert "next scan" in library.heard.errors["a.jpg"]
    assert library.scan().decoded == 1
    assert library.photo("a.jpg").content == content(path.read_bytes())


def test_names_that_are_no_text_are_read(library: Library) -> None:
    names = [b"bad \xff\xfe.jpg", b"new\nline.jpg", "emoji 🐈.jpg".encode(), b"n" * 251 + b".jpg"]
    for number, name in enumerate(names):
        (Path(os.fsdecode(os.fsencode(library.root) + b"/" + name))).write_bytes(jpeg(scene(number)))
    assert library.scan().decoded == 4
    assert {os.fsencode(photo.asset.id.key) for photo in library.store.assets.all() if photo.signature} == set(names)


def test_limits_of_the_settings_reach_the_workers(library: Library) -> None:
    library.put("large.png", png(Image.new("L", (1200, 1000))))
    counts = library.scan(limits=Limits(max_pixels=1_000_000))
    assert counts.failed == 1
    assert library.heard.errors["large.png"].startswith("The picture is too large: 1200 × 1000")


def test_a_newer_recipe_looks_at_everything_once_more(library: Library) -> None:
    for number in range(4):
        library.put(f"{number}.jpg", jpeg(scene(number)))
    library.put("again.jpg", jpeg(scene(0)))
    library.scan()
    library.store.db.execute("UPDATE signature SET recipe = ?", (RECIPE - 1,))
    assert library.store.work.count_unsigned(RECIPE) == 4
    assert library.look().decoded == 4
    assert library.look().read == 0


def test_progress_is_told_of_every_file(library: Library) -> None:
    for number in range(40):
        library.put(f"{number}.jpg", jpeg(scene(number, 64, 48)))
    library.scan()
    assert library.heard.stages == [("reading", 40)]
    assert library.heard.items == 40


def test_the_order_of_names_does_not_change_what_is_learned(tmp_path: Path, engine: Engine) -> None:
    found: list[dict[str, object]] = []
    for order in (range(12), reversed(range(12))):
        root = tmp_path / str(len(found))
        root.mkdir()
        library = Library(root, engine)
        for place, number in enumerate(order):
            library.put(f"{place}.jpg", jpeg(scene(number, 200, 150)))
        library.scan()
        found.append({photo.content: photo.signature for photo in library.store.assets.all()})
    assert found[0] == found[1]


_KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.local import LocalConnector, LocalOptions
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning, Settings
from dedupe_core.store import Store

class Deadly(Silent):
    seen = 0
    def advance(self, items=1, size=0, current=""):
        self.seen += 1
        if self.seen == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

local = LocalConnector("home", LocalOptions(path=Path(sys.argv[1])))
with Engine(workers=2) as engine, Store(Path(sys.argv[2])) as store:
    scan(store, local, Scanning(), Silent())
    print(fingerprint(store, {"home": local}, engine, Settings(), Deadly()).decoded)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    root, data = tmp_path / "photos", tmp_path / "data"
    root.mkdir()
    for number in range(450):
        (root / f"{number}.jpg").write_bytes(jpeg(scene(number % 7, 40 + number % 50, 32)) + bytes([number % 251]))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = [sys.executable, "-c", _KILLED, str(root), str(data), "300"]
    assert subprocess.run(killed, env=environment, check=False).returncode == -9
    with Store(data) as store:
        signed = sum(photo.signature is not None for photo in store.assets.all())
        assert 200 <= signed <= 300
    done = subprocess.run([*killed[:-1], "0"], env=environment, check=True, capture_output=True, text=True)
    assert int(done.stdout) <= 450 - signed
    with Store(data) as store:
        assert all(photo.signature is not None for photo in store.assets.all())
    shutil.rmtree(root)


def page(seed: int, width: int, height: int, letters: int) -> Image.Image:
    """A page of words that mean nothing, as scanned: `letters` is their height in pixels."""
    words, picture = np.random.default_rng(seed), Image.new("L", (width, height), 248)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letters)
    for line in range(width // 12, height - width // 12, letters * 4 // 3):
        text = "".join(
            chr(97 + int(code)) if code < 26 else " " for code in words.integers(0, 31, width // letters * 2)
        )
        pen.text((width // 12, line), text[: int(width * 1.6 / letters)], fill=25, font=font)
    return picture


@pytest.mark.parametrize(
    ("width", "height", "letters"), [(600, 1000, 14), (827, 1169, 15), (1240, 1754, 22), (2480, 3508, 42)]
)
def test_a_page_of_text_is_known_by_its_fullest_bin_at_every_size(
    library: Library, width: int, height: int, letters: int
) -> None:
    library.put("page.jpg", jpeg(page(1, width, height, letters), 85))
    library.put("photo.jpg", jpeg(scene(1, width, height), 85))
    library.scan()
    text, photo = library.photo("page.jpg").signature, library.photo("photo.jpg").signature
    assert text is not None
    assert photo is not None
    assert text.fullest_bin >= 0.35
    assert photo.fullest_bin < 0.3


def test_workers_start_before_the_listing_only_where_there_is_surely_something_to_read(tmp_path: Path) -> None:
    class Watched(Engine):
        started = 0

        def start(self, *modules: str) -> None:
            assert modules
            self.started += 1

    (tmp_path / "photo.jpg").write_bytes(jpeg(scene(1)))
    store, engine, local = Store(None), Watched(), LocalConnector("home", LocalOptions(path=tmp_path))
    begin(store, [local], engine, Settings(levels=("exact",)))
    assert engine.started == 0
    begin(store, [local], engine, Settings())
    assert engine.started == 1
    scan(store, local, Scanning(), Silent())
    begin(store, [local], engine, Settings())
    assert engine.started == 1
