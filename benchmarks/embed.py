"""From pictures to vectors: what the product adds to the bare model, and what it gains over the plain loop, in one run.

    python benchmarks/embed.py [--pictures 128] [--edge 1024] [--model ViT-B-32] [--checkpoint FILE]
                               [--device cuda] [--precision bf16] [--batch 256]

Three figures, each pictures a second:

- the bare forward: the module alone, in the same precision and batch, on tensors that lie on the device already;
- the encoder: the same pictures as decoded levels, to unit vectors in the processor's memory;
- the scan: files on disk to hashes and vectors in the store, each file read and decoded once, against the scan without
  a model, and against a loop that opens one file at a time with open_clip's own transform and asks the model in float32
  for one picture a call.

The weights are random unless a checkpoint is named: speed does not depend on them, the cosines nearly.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from connectors.registry import connect
from dedupe_core.embed import Encoding
from dedupe_core.embedders.chain import Local
from dedupe_core.embedders.local import LocalEmbedder
from dedupe_core.embedders.onnx_file import OnnxEmbedder
from dedupe_core.embedders.precision import input_type, running
from dedupe_core.embedders.preprocess import shaped
from dedupe_core.embedders.towers import imported
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Embedding, Settings
from dedupe_core.store import Store

_ROUNDS = 3
_ALONE = 24
"""Pictures of the plain loop."""


def photos(folder: Path, count: int, edge: int) -> list[Path]:
    """Made-up photos with detail at every scale, 4:3, `edge` pixels wide."""
    draw = np.random.default_rng(1)
    height = edge * 3 // 4
    files = []
    for number in range(count):
        sheet = np.zeros((height, edge, 3))
        for cells in (4, 16, 64, 256):
            tones = Image.fromarray(draw.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8))
            sheet += np.asarray(tones.resize((edge, height), Image.Resampling.BICUBIC), float) / cells**0.5
        levels = (255 * (sheet - sheet.min()) / np.ptp(sheet)).astype(np.uint8)
        files.append(folder / f"{number}.jpg")
        Image.fromarray(levels).save(files[-1], quality=88)
    return files


def checkpoint(model: str, folder: Path) -> Path:
    """A checkpoint with random weights."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    whole = imported("open_clip").create_model(model, pretrained=None, load_weights=False)
    file = folder / "random.safetensors"
    save_file({name: value.contiguous().clone() for name, value in whole.state_dict().items()}, file)
    return file


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def bare(encoder: LocalEmbedder, count: int) -> Callable[[], None]:
    """The forward alone: as many whole batches as hold `count` pictures."""
    import torch

    size, batch = encoder.preprocess.size, min(encoder.batch, count)
    device = next(encoder._module.parameters()).device
    inputs = torch.randn(batch, 3, size, size, device=device).to(input_type(encoder._precision))

    def action() -> None:
        with running(encoder._precision):
            for _ in range(count // batch):
                encoder._module(inputs)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return action


def plain_loop(model: str, file: Path, device: str, files: list[Path]) -> tuple[float, NDArray[np.float32]]:
    """(pictures a second, vectors) of open_clip used as its README does it."""
    import torch

    clip = imported("open_clip")
    whole, _, transform = clip.create_model_and_transforms(model, pretrained=str(file))
    whole = whole.eval().to(device)
    vectors = []

    def action() -> None:
        for path in files:
            with torch.no_grad(), Image.open(path) as image:
                one = transform(image).unsqueeze(0).to(device)
                vectors.append(whole.encode_image(one, normalize=True).float().cpu().numpy())

    action()
    vectors.clear()
    return len(files) / seconds(action), np.concatenate(vectors)


def stage(folder: Path, link: Local, count: int) -> tuple[float, float, str, NDArray[np.float16], list[str]]:
    """(pictures a second of a scan with the model, and of one without, how, vectors, names), the loading of the model
    not counted. With the model each file is decoded once for hash and input."""
    loaded = link.open()
    if isinstance(loaded, LocalEmbedder) and loaded.choice is None:
        loaded.measure()

    class Loaded(Local):
        def open(self) -> LocalEmbedder | OnnxEmbedder:
            return loaded

    without = _scanned(folder, [])[0]
    took, vectors, names = _scanned(folder, [Loaded(link.settings, folder)])
    assert len(names) == count
    return count / took, count / without, loaded.how, vectors, names


def _scanned(folder: Path, chain: list[Local]) -> tuple[float, NDArray[np.float16], list[str]]:
    """(seconds, vectors, names) from the listing to hashes and vectors."""
    with Store(None) as store, Engine() as engine:
        engine.start()
        source = connect("local", "photos", {"path": str(folder)})
        there, settings = {"photos": source}, Settings()
        scan(store, source, settings.scanning, Silent())
        began = time.perf_counter()
        with Encoding(store, settings, chain, Silent()) as encoding:
            fingerprint(store, there, engine, settings, Silent(), encoding)
            encoding.finish(there, engine)
        took = time.perf_counter() - began
        rows, vectors = store.embeddings.matrix(store.embeddings.current())
        known = store.assets.rows_by_signature(rows.tolist())
        names = [store.assets.photos(known[row]).popitem()[1].asset.name for row in rows.tolist()]
    return took, vectors, names


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Print three lines."""
    file = options.checkpoint or checkpoint(options.model, folder)
    (folder / "photos").mkdir()
    files = photos(folder / "photos", options.pictures, options.edge)
    chosen: dict[str, Any] = {"device": options.device, "precision": options.precision, "batch": options.batch}
    link = Local(Embedding(model=options.model, weights=str(file), **chosen), folder)
    encoder = link.open()
    assert isinstance(encoder, LocalEmbedder)
    choice = encoder.choice or encoder.measure()
    for precision, (speed, cosine) in choice.tried.items():
        print(f"  tried {precision:<6} {speed:9.1f} pictures/s, least cosine to fp32 {cosine:.6f}")
    inputs = [shaped(Image.open(path).convert("RGB"), encoder.preprocess) for path in files]
    inputs = inputs * max(1, options.repeat)
    forward = bare(encoder, len(inputs))

    def whole() -> None:
        encoder.embed(inputs)

    forward()
    whole()
    times = [(seconds(forward), seconds(whole)) for _ in range(_ROUNDS)]
    fastest = [min(column) for column in zip(*times, strict=True)]
    batch = min(encoder.batch, len(inputs))
    alone, ours = len(inputs) // batch * batch / fastest[0], len(inputs) / fastest[1]
    print(
        f"{options.model} on {encoder.how}, batch {encoder.batch}: bare forward {alone:.1f} pictures/s, "
        f"encoder {ours:.1f}, share {ours / alone:.3f}"
    )
    own, expected = plain_loop(options.model, Path(file), choice.device, files[:_ALONE])
    speed, without, how, vectors, names = stage(folder / "photos", link, len(files))
    print(
        f"files of {options.edge} × {options.edge * 3 // 4}: one a call in fp32 {own:.1f} pictures/s, "
        f"scan with the model ({how}) {speed:.1f}, ratio {speed / own:.1f}; scan without a model {without:.1f}"
    )
    exact = Local(link.settings.model_copy(update={"precision": "fp32"}), folder).open().embed(inputs[: len(files)])
    reduced = encoder.embed(inputs[: len(files)])
    precise = float(np.einsum("ij,ij->i", exact, reduced).min())
    placed = [names.index(path.name) for path in files[:_ALONE]]
    whole_way = np.einsum("ij,ij->i", vectors[placed].astype(np.float32), expected)
    print(
        f"least cosine: {choice.precision} to fp32 {precise:.6f} on the same input, "
        f"scan to open_clip's own transform and fp32 {float(whole_way.min()):.6f}"
    )


def main() -> None:
    """Make photos and a checkpoint in a temporary folder and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=128)
    parser.add_argument("--edge", type=int, default=1024, help="width of the photos in pixels")
    parser.add_argument("--repeat", type=int, default=1, help="encode the same pictures so often (fast devices)")
    parser.add_argument("--model", default="ViT-B-32")
    parser.add_argument("--checkpoint", type=Path, help="weights of the model; random ones otherwise")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--batch", type=int, default=0)
    with tempfile.TemporaryDirectory() as name:
        measure(parser.parse_args(), Path(name))


if __name__ == "__main__":
    main()
