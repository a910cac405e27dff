"""Models are loaded from checkpoints without running what is in them, and no wrong vector leaves them."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from dedupe_core.embedders import ModelError, local, towers
from dedupe_core.embedders.local import LEAST_COSINE, LocalEmbedder
from dedupe_core.embedders.preprocess import prepared, shaped
from tests.embed import models
from tests.pictures import scene


def pictures(count: int, tower: towers.Tower) -> list[NDArray[np.uint8]]:
    return [shaped(scene(seed, 320, 240), tower.preprocess) for seed in range(count)]


def own_answer(images: list[Image.Image]) -> NDArray[np.float32]:
    """What open_clip itself gives: its own transform, its own normalised answer."""
    clip, whole = models.open_clip(), models.whole_clip()
    transform = clip.transform.image_transform_v2(
        clip.transform.PreprocessCfg(**whole.visual.preprocess_cfg), is_train=False
    )
    with torch.no_grad():
        found = whole.encode_image(torch.stack([transform(image) for image in images]), normalize=True)
    return np.asarray(found.numpy())


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_an_open_clip_checkpoint_gives_what_open_clip_gives(tmp_path: Path, suffix: str) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path, suffix=suffix))
    embedder = LocalEmbedder(tower, "cpu", "fp32")
    images = [scene(seed, 300, 200 + 30 * seed) for seed in range(4)]
    found = embedder.embed([shaped(image, tower.preprocess) for image in images])
    assert found.shape == (4, embedder.dimension) == (4, 48)
    assert np.abs(found - own_answer(images)).max() < 1e-5


def test_a_timm_checkpoint_gives_the_features_before_its_head(tmp_path: Path) -> None:
    data = towers.imported("timm.data")
    tower = towers.build("timm", models.TIMM, models.timm_checkpoint(tmp_path))
    whole = models.whole_timm()
    transform = data.create_transform(**data.resolve_model_data_config(whole), is_training=False)
    image = scene(3, 400, 300)
    with torch.no_grad():
        features = whole.forward_features(transform(image)[None])
        expected = whole.forward_head(features, pre_logits=True)[0].numpy()
    found = LocalEmbedder(tower, "cpu", "fp32").embed([shaped(image, tower.preprocess)])[0]
    assert np.abs(found - expected / np.linalg.norm(expected)).max() < 1e-5


def test_a_torchscript_file_is_a_model(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    traced = torch.jit.trace(tower.module, torch.zeros(1, 3, 64, 64))  # type: ignore[no-untyped-call]
    torch.jit.save(traced, str(tmp_path / "traced.pt"))
    scripted = towers.build("torchscript", "traced", tmp_path / "traced.pt", size=64)
    inputs = pictures(3, scripted)
    embedder = LocalEmbedder(scripted, "cpu", "fp32")
    assert embedder.embed(inputs).shape == (3, 48)
    assert np.abs(embedder.embed(inputs[:1]) - embedder.embed(inputs)[0]).max() < 1e-5
    with pytest.raises(ModelError, match=r"The model torchscript:traced@.* fails") as raised:
        LocalEmbedder(towers.build("torchscript", "traced", tmp_path / "traced.pt", size=96), "cpu", "fp32")
    assert "\n" not in str(raised.value)


def test_the_name_says_weights_and_preprocessing(tmp_path: Path) -> None:
    one = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path, 0))
    again = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path, 0))
    other = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path, 1))
    assert one.name == again.name != other.name
    assert one.name.startswith(f"open_clip:{models.CLIP}@")
    assert one.preprocess.mark != one.preprocess._replace(interpolation="bilinear").mark
    assert one.name.endswith(one.preprocess.mark)


def test_the_chosen_precision_agrees_with_float32(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    exact = LocalEmbedder(tower, "cpu", "fp32").embed(pictures(32, tower))
    embedder = LocalEmbedder(tower, "cpu")
    assert np.abs(embedder.embed(pictures(3, tower)) - exact[:3]).max() < 1e-6, "a handful is not worth a measurement"
    assert embedder.how == "cpu, fp32"
    found = embedder.embed(pictures(32, tower))
    assert embedder.choice
    assert set(embedder.choice.tried) == {"fp32", "medium", "mixed"}
    assert (np.einsum("ij,ij->i", found, exact) >= LEAST_COSINE).all()
    assert str(embedder.choice).startswith("cpu, ")
    before = torch.get_float32_matmul_precision()
    LocalEmbedder(tower, "cpu", "medium").embed(pictures(2, tower))
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize("kind", ["open_clip", "timm"])
def test_mixed_precision_multiplies_in_bfloat16_and_stays_near_float32(tmp_path: Path, kind: str) -> None:
    checkpoint = models.clip_checkpoint(tmp_path) if kind == "open_clip" else models.timm_checkpoint(tmp_path)
    tower = towers.build(kind, models.CLIP if kind == "open_clip" else models.TIMM, checkpoint)  # type: ignore[arg-type]
    inputs = pictures(6, tower)
    exact = LocalEmbedder(tower, "cpu", "fp32").embed(inputs)
    mixed = LocalEmbedder(tower, "cpu", "mixed")
    kinds = {parameter.dtype for parameter in mixed._module.parameters()}
    assert kinds == {torch.bfloat16, torch.float32}
    cosines = np.einsum("ij,ij->i", mixed.embed(inputs), exact)
    assert (cosines >= LEAST_COSINE).all()
    assert (cosines < 1 - 1e-9).any(), "something was rounded"


def test_a_precision_that_strays_from_float32_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    monkeypatch.setattr(local, "LEAST_COSINE", 1.0 + 1e-9)
    embedder = LocalEmbedder(tower, "cpu")
    assert embedder.measure().precision == "fp32"


def test_a_batch_is_not_larger_than_the_free_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_free", lambda device: 1e9)
    assert local._fitting("cpu", 224, 4) == 16
    assert local._fitting("cpu", 448, 4) == 4
    monkeypatch.setattr(local, "_free", lambda device: 1e6)
    assert local._fitting("cpu", 224, 4) == 1
    monkeypatch.undo()
    assert local._free("cpu") > 0


def test_a_batch_that_is_shared_out_comes_back_in_its_order(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    inputs = pictures(11, tower)
    together = LocalEmbedder(tower, "cpu", "fp32", threads=1).embed(inputs)
    for threads, batch in ((2, 4), (3, 11), (4, 3)):
        assert np.abs(LocalEmbedder(tower, "cpu", "fp32", batch, threads).embed(inputs) - together).max() < 1e-6


class Hungry(torch.nn.Module):
    """Answers as the processor's allocator does when more than `most` pictures come."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self.most, self.error = most, error
        self.seen: list[int] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(inputs))
        if len(inputs) > self.most:
            raise self.error
        return inputs.mean(dim=(2, 3)) + 1.0


NO_MEMORY = [
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried too much"),
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
]


@pytest.mark.parametrize("error", NO_MEMORY)
def test_a_batch_that_does_not_fit_is_halved_until_it_does(tmp_path: Path, error: Exception) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    hungry = Hungry(3, error)
    embedder = LocalEmbedder(towers.Tower(hungry, tower.preprocess, "hungry"), "cpu", "fp32", batch=16, threads=1)
    inputs = pictures(7, tower)
    found = embedder.embed(inputs)
    assert embedder.batch == 2
    assert hungry.seen[1:] == [7, 7, 4, 2, 2, 2, 1]
    sated = LocalEmbedder(towers.Tower(Hungry(99, error), tower.preprocess, "sated"), "cpu", "fp32")
    assert np.allclose(found, sated.embed(inputs))


def test_a_model_too_large_for_one_picture_is_told(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    hungry = Hungry(1, MemoryError())
    embedder = LocalEmbedder(towers.Tower(hungry, tower.preprocess, "hungry"), "cpu", "fp32", batch=4, threads=1)
    hungry.most = 0
    with pytest.raises(ModelError, match="more memory than there is for one picture"):
        embedder.embed(pictures(2, tower))


def test_another_error_of_the_model_is_not_taken_for_memory(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    hungry = Hungry(1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    embedder = LocalEmbedder(towers.Tower(hungry, tower.preprocess, "broken"), "cpu", "fp32", batch=4, threads=1)
    with pytest.raises(ModelError, match="shapes"):
        embedder.embed(pictures(2, tower))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 0.0])
def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path, wrong: float) -> None:
    state = {name: value.clone() for name, value in models.whole_clip().state_dict().items()}
    state["visual.proj"][:] = wrong
    tower = towers.build("open_clip", models.CLIP, models.saved(state, tmp_path / "wrong.safetensors"))
    with pytest.raises(ModelError, match="no numbers"):
        LocalEmbedder(tower, "cpu", "fp32").embed(pictures(2, tower))


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    state = dict(models.whole_clip().state_dict())
    state["visual.proj"] = torch.zeros(64, 7)
    with pytest.raises(ModelError, match=r"does not fit the model.*visual\.proj"):
        towers.build("open_clip", models.CLIP, models.saved(state, tmp_path / "shape.safetensors"))


@pytest.mark.parametrize("change", ["lacks", "holds"])
def test_a_checkpoint_with_other_weights_is_refused(tmp_path: Path, change: str) -> None:
    state = dict(models.whole_clip().state_dict())
    if change == "lacks":
        del state["visual.conv1.weight"]
    else:
        state["visual.surplus"] = torch.zeros(3)
    with pytest.raises(ModelError, match=f"it {change} visual"):
        towers.build("open_clip", models.CLIP, models.saved(state, tmp_path / "w.safetensors"))


def test_a_checkpoint_without_the_text_side_is_enough(tmp_path: Path) -> None:
    state = {name: value for name, value in models.whole_clip().state_dict().items() if name.startswith("visual.")}
    tower = towers.build("open_clip", models.CLIP, models.saved(state, tmp_path / "visual.safetensors"))
    assert LocalEmbedder(tower, "cpu", "fp32").dimension == 48


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("data", [b"", b"nothing of the kind", b'\x08\0\0\0\0\0\0\0{"a":1}\0'])
def test_a_corrupt_checkpoint_is_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    (tmp_path / f"x{suffix}").write_bytes(data)
    with pytest.raises(ModelError):
        towers.build("open_clip", models.CLIP, tmp_path / f"x{suffix}")


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    file = models.clip_checkpoint(tmp_path)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="not a complete checkpoint"):
        towers.build("open_clip", models.CLIP, file)


class Trap:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (Path("ran"),)


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Trap()}, tmp_path / "trap.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.pt", "plain.pt"):
        with pytest.raises(ModelError):
            towers.build("open_clip", models.CLIP, tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'ViT-X'"):
        towers.build("open_clip", "ViT-X", models.clip_checkpoint(tmp_path))
    with pytest.raises(ModelError, match="no model 'resnet-51'"):
        towers.build("timm", "resnet-51", tmp_path / "none.safetensors")


FITS = [("shortest", "bicubic"), ("squash", "bilinear"), ("longest", "bicubic")]


@pytest.mark.parametrize(("fit", "interpolation"), FITS)
@pytest.mark.parametrize("size", [(300, 201), (200, 333), (64, 64), (50, 90)])
def test_an_input_is_bit_equal_to_the_models_own_transform(
    tmp_path: Path, fit: str, interpolation: str, size: tuple[int, int]
) -> None:
    clip = models.open_clip()
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    wanted = tower.preprocess._replace(fit=fit, interpolation=interpolation)  # type: ignore[arg-type]
    given = {**models.whole_clip().visual.preprocess_cfg, "resize_mode": fit, "interpolation": interpolation}
    transform = clip.transform.image_transform_v2(clip.transform.PreprocessCfg(**given), is_train=False)
    image = scene(7, *size)
    found = (shaped(image, wanted).astype(np.float32) / 255 - wanted.mean) / wanted.std
    assert np.abs(found.transpose(2, 0, 1) - transform(image).numpy()).max() < 1e-5


def test_a_large_photo_decoded_small_gives_nearly_the_same_vector(tmp_path: Path) -> None:
    tower = towers.build("open_clip", models.CLIP, models.clip_checkpoint(tmp_path))
    embedder = LocalEmbedder(tower, "cpu", "fp32")
    for seed in range(3):
        image = scene(seed, 1600, 1200)
        packed = io.BytesIO()
        image.save(packed, "JPEG", quality=92)
        small = prepared(packed.getvalue(), tower.preprocess)
        full = shaped(Image.open(io.BytesIO(packed.getvalue())).convert("RGB"), tower.preprocess)
        assert np.abs(small.astype(float) - full).mean() < 1.0
        a, b = embedder.embed([small, full])
        assert a @ b >= 0.999


def test_torchvision_of_another_build_is_importable_after_the_guard() -> None:
    """In a process of its own, because an import happens once."""
    code = (
        "from dedupe_core.embedders.torchvision_guard import guard; guard(); guard(); "
        "import torchvision.transforms, open_clip; print('fine')"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert shown.stdout.strip() == "fine", shown.stderr


@pytest.mark.parametrize("words", ["--help", "groups", "plan", "status", "models list", "models path"])
def test_a_command_that_runs_no_model_imports_no_torch(tmp_path: Path, words: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "dedupe_app.cli", "--data", str(tmp_path), *words.split()]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in shown.stderr.splitlines() if "|" in line}
    assert {"dedupe_app", "click"} <= imported
    assert "Traceback" not in shown.stderr
    assert not {"torch", "torchvision", "open_clip", "timm"} & imported


def test_no_torch_is_imported_before_a_model_runs() -> None:
    code = (
        "import sys, dedupe_core.embedders.preprocess, dedupe_core.pipeline, dedupe_app.library; "
        "print(sorted({'torch', 'open_clip', 'timm', 'torchvision'} & {m.split('.')[0] for m in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
