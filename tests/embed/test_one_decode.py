"""A scan decodes a photo once, for its hash, for the model and for the page, and the hash does not change by it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image

from connectors.registry import connect
from dedupe_core import decode, glance, pipeline
from dedupe_core.embed import Encoder
from dedupe_core.embedders import ModelError, towers
from dedupe_core.embedders.chain import Local
from dedupe_core.embedders.local import LocalEmbedder
from dedupe_core.embedders.preprocess import Preprocess, prepared, shaped
from dedupe_core.engine import Engine
from dedupe_core.header import Unreadable
from dedupe_core.look import look
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.settings import Embedding, Settings
from dedupe_core.store import Store
from dedupe_core.tasks import Also, Task
from dedupe_core.thumbs import EDGE, FOLDER, Room, cache_file
from tests.embed import models
from tests.pictures import exif, scene

CLIP = Preprocess(224, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
ALONE = Settings(embedding=Embedding(threshold=1.0))
"""Nothing is like anything else: no picture is looked at again for a comparison."""


def packed(image: Image.Image, form: str, **options: Any) -> bytes:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def large(seed: int, width: int, height: int) -> Image.Image:
    """A scene of camera size, drawn small."""
    return scene(seed, width // 4, height // 4).resize((width, height))


def kinds() -> dict[str, bytes]:
    """Each way in which a picture may be stored that the first look goes about in its own manner."""
    big = large(1, 2400, 1800)
    small = scene(2, 640, 480)
    veil = small.convert("RGBA")
    veil.putalpha(Image.linear_gradient("L").resize(small.size))
    return {
        "camera.jpg": packed(big, "JPEG", quality=90),
        "on its side.jpg": packed(large(3, 2560, 1920), "JPEG", quality=90, exif=exif(orientation=6)),
        "progressive.jpg": packed(large(4, 1920, 1440), "JPEG", progressive=True),
        "grey.jpg": packed(large(5, 1920, 1440).convert("L"), "JPEG"),
        "red green blue.jpg": packed(large(6, 1920, 1440), "JPEG", keep_rgb=True),
        "ink.jpg": packed(large(7, 1920, 1440).convert("CMYK"), "JPEG"),
        "fine.jpg": packed(large(8, 1920, 1440), "JPEG", subsampling=0),
        "tiny.jpg": packed(scene(9, 200, 150), "JPEG"),
        "plain.png": packed(scene(10, 1000, 800), "PNG"),
        "veil.png": packed(veil, "PNG"),
        "palette.gif": packed(scene(11, 640, 480).convert("P"), "GIF"),
        "web.webp": packed(scene(12, 640, 480), "WEBP"),
        "phone.heic": packed(scene(13, 960, 720), "HEIF", thumbnails=[320]),
        "bare.heic": packed(scene(14, 960, 720), "HEIF"),
    }


KINDS = kinds()
TOO_SMALL_AT_ITS_SCALE = packed(scene(15, 1024, 768), "JPEG")


@pytest.mark.parametrize("name", [*KINDS, "1024"])
def test_signatures_are_the_same_with_a_model_and_without(name: str) -> None:
    data = KINDS.get(name, TOO_SMALL_AT_ITS_SCALE)
    plain, both = look(Task(1, data)), look(Task(1, data, also=Also(CLIP, EDGE)))
    assert plain.facts is not None
    assert (both.facts, both.square, both.histogram) == (plain.facts, plain.square, plain.histogram)
    assert (plain.levels, plain.miniature) == (b"", b"")
    assert len(both.levels) == 224 * 224 * 3
    assert both.levels == prepared(data, CLIP).tobytes(), "a scan and a later run give the model one input"


@pytest.mark.parametrize("name", [*KINDS, "1024"])
def test_the_input_is_that_of_a_full_decode_within_a_few_levels(name: str) -> None:
    data = KINDS.get(name, TOO_SMALL_AT_ITS_SCALE)
    whole = decode.upright(decode.open_picture(data), "RGB", 1)
    difference = np.abs(prepared(data, CLIP).astype(int) - shaped(whole, CLIP))
    assert difference.mean() < 4


def test_a_picture_that_a_model_cannot_have_keeps_its_signature() -> None:
    line = packed(Image.linear_gradient("L").resize((9000, 3)), "PNG")
    plain, both = look(Task(1, line)), look(Task(1, line, also=Also(CLIP, EDGE)))
    assert plain.error == both.error == ""
    assert both.square == plain.square
    wide = decode.open_picture(KINDS["plain.png"])
    poor = decode.Limits(memory=wide.width * wide.height * 4 * 3 // 2)
    wanted = CLIP._replace(resize=790, size=790)
    with pytest.raises(Unreadable):
        decode.planes(wide, 4, 1, poor)
    gray, colour = glance.both(wide, Also(wanted), poor)
    assert colour is None
    assert gray.tobytes() == glance.first_look(wide).tobytes()


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often the pixels of each file were decoded, in this process."""
    counts: Counter[bytes] = Counter()
    load = decode._load

    def counted(image: Any, picture: decode.Picture, *more: Any, **named: Any) -> None:
        counts[picture.source] += 1
        load(image, picture, *more, **named)

    monkeypatch.setattr(decode, "_load", counted)
    return counts


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.clip_checkpoint(tmp_path_factory.mktemp("weights"))


def local(checkpoint: Path) -> Local:
    models.open_clip()
    return Local(Embedding(model=models.CLIP, weights=str(checkpoint), device="cpu", precision="fp32"), Path("nowhere"))


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The functions of the workers, in threads of this process, where their calls can be counted."""
    with ThreadPoolExecutor(2) as threads, Engine(workers=2, executor=threads) as engine:
        yield engine


def folder_of(place: Path, files: dict[str, bytes]) -> Path:
    place.mkdir(exist_ok=True)
    for name, data in files.items():
        (place / name).write_bytes(data)
    return place


def hashes(store: Store) -> list[bytes]:
    rows, matrix = store.signatures.matrix()
    return [matrix[at].tobytes() for at in rows.argsort()]


def run(
    store: Store,
    folder: Path,
    engine: Engine,
    chain: list[Any],
    settings: Settings = ALONE,
    pictures: bool = False,
) -> pipeline.RunReport:
    source = connect("local", "photos", {"path": str(folder)})
    return pipeline.run(
        store,
        [source],
        {"photos": source},
        engine,
        settings,
        NoFeedback(),
        Silent(),
        chain=chain,
        pictures=pictures,
    )


def test_each_file_is_decoded_exactly_once_in_a_scan_with_a_model(
    tmp_path: Path, engine: Engine, checkpoint: Path, decodes: Counter[bytes]
) -> None:
    folder = folder_of(tmp_path / "photos", KINDS)
    with Store(tmp_path / "data") as store:
        level = run(store, folder, engine, [local(checkpoint)]).level
        assert (level.new, level.failed) == (len(KINDS), 0)
        heic = KINDS["phone.heic"]
        once = {heic if source not in KINDS.values() else source: count for source, count in decodes.items()}
        assert once == dict.fromkeys(KINDS.values(), 1)
        run(store, folder, engine, [local(checkpoint)])
        assert decodes.total() == len(KINDS)


def test_only_what_is_too_small_at_the_scale_of_the_hash_is_decoded_finer_in_the_same_pass(
    decodes: Counter[bytes],
) -> None:
    look(Task(1, KINDS["camera.jpg"], also=Also(CLIP, EDGE)))
    look(Task(1, TOO_SMALL_AT_ITS_SCALE, also=Also(CLIP, EDGE)))
    assert decodes == {KINDS["camera.jpg"]: 1, TOO_SMALL_AT_ITS_SCALE: 2}


def test_a_content_that_lies_in_two_places_has_one_vector(tmp_path: Path, engine: Engine, checkpoint: Path) -> None:
    data = KINDS["plain.png"]
    folder = folder_of(tmp_path / "photos", {"a.png": data, "b.png": data, "c.webp": KINDS["web.webp"]})
    with Store(tmp_path / "data") as store:
        level = run(store, folder, engine, [local(checkpoint)]).level
        assert level.new == 2
        assert len(store.embeddings.load(level.model)[0]) == 2


def test_a_photo_that_only_moved_loads_no_model(
    tmp_path: Path, engine: Engine, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "photos", {name: KINDS[name] for name in ("plain.png", "web.webp")})
    with Store(tmp_path / "data") as store:
        run(store, folder, engine, [local(checkpoint)])
        (folder / "plain.png").rename(folder / "moved.png")
        monkeypatch.setattr(Local, "open", lambda self: pytest.fail("the model was loaded"))
        assert run(store, folder, engine, [local(checkpoint)]).level.backend == "local"


@dataclass
class Failing:
    """A model that answers so many times and then no more."""

    checkpoint: Path
    answers: int
    name: str = "remote"
    asked: str = "remote failing"

    def open(self) -> Encoder:
        encoder = local(self.checkpoint).open()
        encoder.batch = 2
        encoder.model = "failing"
        answer = encoder.embed

        def embed(pictures: Any) -> NDArray[np.float32]:
            self.answers -= 1
            if self.answers < 0:
                raise ModelError("The service went away.")
            return answer(pictures)

        encoder.embed = embed  # type: ignore[method-assign]
        return encoder


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_when_a_model_fails_while_photos_are_read_the_next_one_takes_them_all(
    tmp_path: Path, engine: Engine, checkpoint: Path, answers: int
) -> None:
    folder = folder_of(tmp_path / "photos", {f"{seed}.png": packed(scene(seed), "PNG") for seed in range(9)})
    with Store(tmp_path / "data") as store:
        level = run(store, folder, engine, [Failing(checkpoint, answers), local(checkpoint)]).level
        assert (level.backend, level.passed) == ("local", ("The service went away.",))
        assert len(store.embeddings.load(level.model)[0]) == 9
        assert len(store.embeddings.load("failing")[0]) in (2 * answers, max(0, 2 * answers - 2))


def test_the_page_gets_its_small_pictures_from_the_decode_of_the_scan(tmp_path: Path, engine: Engine) -> None:
    """All but those JPEGs that have fewer pixels than the page shows, at the scale of their hash."""
    folder = folder_of(tmp_path / "photos", {**KINDS, "1024.jpg": TOO_SMALL_AT_ITS_SCALE})
    weights = str(models.timm_checkpoint(tmp_path))
    model = Local(Embedding(kind="timm", model=models.TIMM, weights=weights, device="cpu", precision="fp32"), tmp_path)
    with Store(tmp_path / "without") as store:
        run(store, folder, engine, [model])
        assert not (tmp_path / "without" / FOLDER).exists(), "a scan that nobody looks at takes no time for them"
    with Store(tmp_path / "data") as store:
        run(store, folder, engine, [model], pictures=True)
        kept = {
            photo.asset.id.key: cache_file(tmp_path / "data" / FOLDER, photo.content, EDGE)
            for photo in store.assets.all()
        }
        with Image.open(kept["plain.png"]) as small, Image.open(kept["on its side.jpg"]) as turned:
            assert (small.format, small.size) == ("WEBP", (320, 256))
            assert turned.size[0] < turned.size[1]
        with Image.open(kept["tiny.jpg"]) as tiny:
            assert tiny.size == (200, 150)
        assert {name for name, file in kept.items() if not file.is_file()} == {"camera.jpg", "1024.jpg"}


def test_a_scan_for_the_page_keeps_every_small_picture_and_decodes_large_photos_once(
    tmp_path: Path, engine: Engine, decodes: Counter[bytes]
) -> None:
    files = {**KINDS, "1024.jpg": TOO_SMALL_AT_ITS_SCALE}
    folder = folder_of(tmp_path / "photos", files)
    with Store(tmp_path / "plain") as store:
        run(store, folder, engine, [])
        plain = hashes(store)
    alone = Counter(decodes)
    decodes.clear()
    with Store(tmp_path / "data") as store:
        run(store, folder, engine, [], pictures=True)
        assert hashes(store) == plain, "the hash is the same, bit for bit"
        short = Counter((KINDS["camera.jpg"], TOO_SMALL_AT_ITS_SCALE))
        assert decodes - alone == short, "only what has fewer pixels at the scale of its hash"
        folder = tmp_path / "data" / FOLDER
        kept = {photo.asset.id.key: cache_file(folder, photo.content, EDGE) for photo in store.assets.all()}
        assert set(kept) == set(files)
        for name, file in kept.items():
            with Image.open(file) as small:
                assert max(small.size) == (200 if name == "tiny.jpg" else EDGE), name


def test_small_pictures_are_kept_until_the_room_is_used_up(tmp_path: Path) -> None:
    room = Room(tmp_path, most=250)
    for number in range(5):
        room.keep(f"sha256:{number}", bytes(100))
    assert len(list((tmp_path / FOLDER).glob("*/*.webp"))) == 3
    assert Room(tmp_path, most=250).left < 0
    assert Room(None).left == 0


@pytest.mark.testdata
def test_on_real_photos_the_shared_decode_gives_nearly_the_vector_of_the_models_own_transform(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """timm's test transformer takes 160 pixels, so that photos of 1024 × 768 are to it (at 1/4: 192) as those of 9
    megapixels (at 1/8) to a model of 224."""
    tower = towers.build("timm", models.TIMM, models.timm_checkpoint(tmp_path))
    embedder = LocalEmbedder(tower, "cpu", "fp32")
    shared, own = [], []
    for file in sorted((testdata / "photos" / "images").glob("*.jpg")):
        picture = decode.open_picture(file.read_bytes())
        scale = glance._scale_of(picture)
        if picture.codec == "JPEG" and tower.preprocess.serves(picture.width // scale, picture.height // scale):
            shared.append(prepared(picture.source, tower.preprocess))
            own.append(shaped(decode.upright(picture, "RGB", 1), tower.preprocess))
    assert len(shared) > 50
    cosines = np.einsum("ij,ij->i", embedder.embed(shared), embedder.embed(own))
    levels = np.abs(np.stack(shared).astype(int) - np.stack(own)).mean(axis=(1, 2, 3))
    with capsys.disabled():
        print(
            f"\n{len(shared)} photos at 1/4: cosine least {cosines.min():.5f}, median {np.median(cosines):.5f}; "
            f"levels of 255 mean {levels.mean():.2f}, most {levels.max():.2f}"
        )
    assert np.median(cosines) >= 0.999
    assert cosines.min() >= 0.99
    assert levels.mean() < 3
    assert levels.max() < 12
