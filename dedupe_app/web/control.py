"""Routes of control: the model that finds similar pictures with its threshold, and the jobs of the configuration."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dedupe_app.config import Config
from dedupe_app.jobs import run_job
from dedupe_app.library import Library
from dedupe_app.progress import Meter
from dedupe_app.web.answers import Answer
from dedupe_app.web.house import begin_scan
from dedupe_app.web.house_shapes import CountShape, JobShape, SimilarIn, SimilarShape
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import Problem
from dedupe_app.web.telling import codes, note, refuse
from dedupe_core.embed import Level
from dedupe_core.embedders.chain import missing, weights_file
from dedupe_core.words import readable

router = APIRouter()
_STEPS = (0.98, 0.95, 0.93, 0.9, 0.85, 0.8)


@router.get("/similar")
def similar(desk: Answer) -> SimilarShape:
    """The model as it is set up, how many pictures it has seen, and how many pairs it finds at other thresholds."""
    chosen = desk.config.settings.embedding
    here = weights_file(chosen, desk.config.data / "models").is_file() and not missing(chosen)
    with desk.store_lock() as library:
        vectors, latest = library.store.embeddings, library.store.runs.latest()
        name = vectors.current()
        floor = vectors.floor(name)
        counts = vectors.counts(name, _STEPS) if floor is not None else {}
        seen = next((int(row["vectors"]) for row in vectors.models() if row["name"] == name), 0)
        level = Level.of_run(latest["summary"]) if latest else Level("none")
    return SimilarShape(
        model=f"{chosen.model} ({chosen.weights})",
        able=chosen.mode != "off" and (bool(chosen.url) or here),
        off=chosen.mode == "off",
        threshold=chosen.threshold,
        seen=seen,
        told=readable(level.sentence),
        said=codes(told=recognised(level.sentence)),
        counts=[
            CountShape(threshold=cosine, pairs=pairs, photos=photos, complete=floor is not None and cosine >= floor)
            for cosine, (pairs, photos) in counts.items()
        ],
    )


@router.post("/similar/scan", status_code=202, responses={409: {"model": Problem}})
def look_for_similar(desk: Answer, said: SimilarIn) -> JobShape:
    """Scan with the model and this threshold; 0 lets the library find its own. The configuration stays as it is."""
    settings = desk.config.settings
    if settings.embedding.mode == "off":
        raise refuse(409, "model_off")
    levels = tuple(dict.fromkeys((*settings.levels, "similar")))
    embedding = settings.embedding.model_copy(update={"threshold": said.threshold})
    changed = settings.model_copy(update={"embedding": embedding, "levels": levels})
    return JobShape(**begin_scan(desk, None, config=desk.config.model_copy(update={"settings": changed})).to_json())


@router.post("/service/{name}/run", status_code=202, responses={404: {"model": Problem}, 409: {"model": Problem}})
def run_now(desk: Answer, name: str) -> JobShape:
    """Run a job of the configuration now. It does what it is trusted with, and no more than it would do by itself."""
    if name not in {job.name for job in desk.config.jobs}:
        raise refuse(404, "no_service")
    return JobShape(**desk.jobs.start("job", name, _job(desk.config, name)).to_json())


def _job(config: Config, name: str) -> Any:
    def work(library: Library, meter: Meter) -> dict[str, Any]:
        del library  # a job opens its own, with its own levels
        report = run_job(config, name, "page", meter)
        return {
            "state": report.state,
            **note(report.sentence()),
            "messages": [note(one) for one in report.trouble],
        }

    return work
