"""Labelled pairs from the evaluation photos, measured as a scan measures them: what the learner's benchmark, and the
script that fits its prior, work on.

    python benchmarks/feedback_pairs.py [--testdata ../shared/testdata] [--keep DIR] [--transforms N]

Each of the sixty sources is paired with its 58 variants, every labelled burst and hard negative is taken, and of other
scenes the pairs whose hashes are nearest and as many at random. Capture times are those of the files; frames of a clip
get the clip's own clock, and variants keep time and camera in 70 of 100 cases, as edited photos do.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from connectors.base import Asset, AssetId
from dedupe_core import decode, hamming
from dedupe_core.compare import Hint, compare
from dedupe_core.features import View
from dedupe_core.look import look
from dedupe_core.measure import SAME_PIXELS
from dedupe_core.model import Edge, Evidence, Photo, Signature
from dedupe_core.relate import relate
from dedupe_core.rounds import facts_of
from dedupe_core.settings import Settings
from dedupe_core.signing import signatures
from dedupe_core.store.codec import signature_facts, signature_from
from dedupe_core.tasks import Task

KEEPS_TIME = 0.7
CLOCK = datetime(2020, 1, 1)
NEAREST, AT_RANDOM = 400, 200
_SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Labelled:
    """One pair: where it comes from (`scenes`: one, or those of its two photos), what it is
    (`kind`: copy, edit, crop, geom, overlay, combo, burst, hardneg, other), its evidence, its two photos, the edge
    that the shipped gates make of it, and a vector of each photo as rules about cosines need it (`vector_of`)."""

    scenes: tuple[str, ...]
    kind: str
    evidence: Evidence
    a: Photo
    b: Photo
    edge: Edge | None
    vectors: NDArray[np.float32]


def default_testdata() -> Path:
    """The evaluation data beside the checkout, or where KEEPONE_TESTDATA points."""
    return Path(os.environ.get("KEEPONE_TESTDATA") or Path(__file__).parents[2] / "shared" / "testdata")


def pairs(photos: Path, keep: Path | None, transforms: int = 58) -> list[Labelled]:
    """All labelled pairs of the folder of evaluation photos; measured once and kept in `keep` if it is given."""
    if not (photos / "pairs.csv").is_file():
        raise SystemExit(f"There are no evaluation photos in {photos}; name them with --testdata.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"feedback-pairs-{transforms}.jsonl"
        if not file.exists():
            part = file.with_suffix(".part")
            with part.open("w") as stream:
                stream.writelines(json.dumps(row) + "\n" for row in _measured(photos, transforms))
            part.rename(file)
        with file.open() as stream:
            return [labelled(json.loads(line), at) for at, line in enumerate(stream)]


def _measured(photos: Path, transforms: int) -> Iterator[dict[str, Any]]:
    with (photos / "labels.csv").open(newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    with (photos / "variant_sources.csv").open(newline="") as stream:
        sources = [(row["id"], int(row["seed"])) for row in csv.DictReader(stream)]
    jobs = [(str(photos), rows[name], seed, transforms) for name, seed in sources]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(_of_source, jobs):
            yield from found
        chosen = list(_chosen(photos, rows))
        for some in pool.map(_of_pairs, [(str(photos), chosen[i : i + 50]) for i in range(0, len(chosen), 50)]):
            yield from some


def _of_source(job: tuple[str, dict[str, str], int, int]) -> list[dict[str, Any]]:
    """A source against its variants."""
    photos, row, seed, transforms = Path(job[0]), job[1], job[2], job[3]
    maker = _maker(photos)
    data = (photos / row["path"]).read_bytes()
    exif = maker.Image.open(photos / row["path"]).info.get("exif")
    picture = maker.Image.open(photos / row["path"]).convert("RGB")
    original = signed(data, row)
    view, vector = View(decode.rgb(data, 500)), vector_of(data)
    found = []
    for name in sorted(maker.T, key=lambda name: lot(row["id"] + name))[:transforms]:
        kind, make = maker.T[name]
        made, _ = make(picture, exif, seed)
        known = signed(made, None)
        if lot(f"time {row['id']} {name}") < KEEPS_TIME:
            known = replace(known, taken_at=original.taken_at, camera=original.camera)
        else:
            known = replace(known, taken_at=None, camera="")
        found.append(
            row_of(
                (row["scene"],),
                kind,
                original,
                known,
                evidence_of(original, view, data, known, made),
                (vector, vector_of(made)),
            )
        )
    return found


def _of_pairs(job: tuple[str, list[tuple[str, dict[str, str], dict[str, str]]]]) -> list[dict[str, Any]]:
    photos, found = Path(job[0]), []
    for kind, one, other in job[1]:
        first, second = ((photos / row["path"]).read_bytes() for row in (one, other))
        a, b = signed(first, one), signed(second, other)
        evidence = evidence_of(a, View(decode.rgb(first, 500)), first, b, second)
        scenes = tuple(sorted({one["scene"], other["scene"]}))
        found.append(row_of(scenes, kind, a, b, evidence, (vector_of(first), vector_of(second))))
    return found


def _chosen(photos: Path, rows: dict[str, dict[str, str]]) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """The labelled pairs of one scene, then those of two."""
    with (photos / "pairs.csv").open(newline="") as stream:
        for pair in csv.DictReader(stream):
            if pair["label"] != "grey":
                kind = "hardneg" if pair["label"] == "hardneg" else "burst"
                yield kind, rows[pair["a"]], rows[pair["b"]]
    listed = list(rows.values())
    known = [signed((photos / row["path"]).read_bytes(), row) for row in listed]
    hashes = np.stack([np.frombuffer(one.phashes, np.uint8).reshape(8, 32) for one in known])
    a, b = np.triu_indices(len(listed), 1)
    scenes = np.array([row["scene"] for row in listed])
    other = scenes[a] != scenes[b]
    a, b = a[other], b[other]
    distance, _ = hamming.distances(hashes, a, b)
    nearest = np.argsort(distance, kind="stable")[:NEAREST]
    chance = np.random.default_rng(0).choice(len(a), AT_RANDOM, replace=False)
    for at in [*nearest.tolist(), *chance.tolist()]:
        one, two = listed[int(a[at])], listed[int(b[at])]
        yield "other", one, two


def evidence_of(a: Signature, view: View, first: bytes, b: Signature, second: bytes) -> Evidence:
    """What a scan's worker measures."""
    cv2.setNumThreads(1)
    hashes = np.stack([np.frombuffer(one.phashes, np.uint8).reshape(8, 32) for one in (a, b)])
    found, turn = hamming.distances(hashes, np.zeros(1, np.int64), np.ones(1, np.int64))
    distance, symmetry = int(found[0]), int(turn[0]) if found[0] <= 110 else 0
    perhaps = distance <= SAME_PIXELS and (a.width, a.height) == (b.width, b.height)
    if perhaps and decode.pixel_digest(first) == decode.pixel_digest(second):
        return Evidence(distance, symmetry, pixels_equal=True)
    flat = any(facts_of([_photo(one, 0)]).flat for one in (a, b))

    def finer() -> tuple[View, View]:
        return View(decode.rgb(first, 1024)), View(decode.rgb(second, 1024))

    return compare(view, View(decode.rgb(second, 500)), Hint(distance, symmetry, flat), finer)


def signed(data: bytes, row: dict[str, str] | None) -> Signature:
    """The signature of a file; with the row of labels.csv also the time and camera that its photo has."""
    signature = signatures([look(Task(0, data))])[0]
    if row is None:
        return signature
    if row["t"]:
        moment = CLOCK + timedelta(days=lot(row["scene"]) * 1000, seconds=float(row["t"]))
        return replace(signature, taken_at=moment, camera="clip")
    return signature


def lot(name: str) -> float:
    """A number in [0, 1) drawn by a name: the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def vector_of(data: bytes) -> NDArray[np.int8]:
    """A vector for rules about cosines, int8 (624,): gradients of 8 × 8 fields in nine directions (after Dalal and
    Triggs 2005) and the colours of 4 × 4. It stands in for an encoder, because none comes with the program."""
    picture = cv2.resize(decode.rgb(data, 256), (64, 64), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    direction = (np.arctan2(down, across) % np.pi * 9 / np.pi).astype(int) % 9
    layers = (direction == np.arange(9)[:, None, None]) * np.hypot(across, down)
    fields = np.sqrt(layers.reshape(9, 8, 8, 8, 8).sum(axis=(2, 4))).ravel()
    colours = cv2.resize(picture, (4, 4), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255 - 0.5
    parts = [part / (np.linalg.norm(part) + 1e-6) for part in (fields, colours)]
    return np.round(np.concatenate(parts) * 127).astype(np.int8)


def row_of(
    scenes: tuple[str, ...],
    kind: str,
    a: Signature,
    b: Signature,
    evidence: Evidence,
    vectors: tuple[NDArray[np.int8], ...],
) -> dict[str, Any]:
    plain = [{"content": one.content} | signature_facts(one) for one in (a, b)]
    told = [base64.b64encode(one.tobytes()).decode() for one in vectors]
    return {"scenes": scenes, "kind": kind, "a": plain[0], "b": plain[1], "evidence": asdict(evidence), "vectors": told}


def labelled(raw: dict[str, Any], at: int) -> Labelled:
    a, b = (_photo(_signature(raw[side]), 2 * at + place) for place, side in enumerate("ab"))
    evidence = Evidence(**raw["evidence"])
    edge = relate(facts_of([a]), facts_of([b]), evidence, _SETTINGS)
    told = np.stack([np.frombuffer(base64.b64decode(one), np.int8) for one in raw["vectors"]]).astype(np.float32)
    vectors = told / np.linalg.norm(told, axis=1, keepdims=True)
    return Labelled(tuple(raw["scenes"]), raw["kind"], evidence, a, b, edge, vectors)


def _signature(raw: dict[str, Any]) -> Signature:
    facts = {name: value for name, value in raw.items() if name != "content"}
    return signature_from(raw["content"], b"", facts)


def _photo(signature: Signature, row: int) -> Photo:
    asset = Asset(AssetId("photos", signature.content), "1", signature.content[-12:], "", 0)
    return Photo(row, asset, signature.content, signature, row)


def _maker(photos: Path) -> Any:
    """The data's own maker of variants."""
    spec = importlib.util.spec_from_file_location("make_variants", photos / "make_variants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_variants"] = module
    spec.loader.exec_module(module)
    return module


def kinds_of(found: Iterable[Labelled]) -> dict[str, dict[str, int]]:
    """Pairs by kind and by the relation that the shipped gates give them."""
    counts: dict[str, dict[str, int]] = {}
    for one in found:
        told = one.edge.relation if one.edge else "none"
        counts.setdefault(one.kind, {})[told] = counts.setdefault(one.kind, {}).get(told, 0) + 1
    return counts


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=default_testdata())
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--transforms", type=int, default=58)
    options = parser.parse_args()
    found = pairs(options.testdata / "photos", options.keep, options.transforms)
    print(f"{len(found):,} labelled pairs")
    for kind, told in sorted(kinds_of(found).items()):
        print(f"  {kind:8} " + ", ".join(f"{name} {count}" for name, count in sorted(told.items())))


if __name__ == "__main__":
    main()
