"""`keepone models`: which model finds similar pictures, its weights, and what it is worth here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_core.settings import Embedding


@click.group(cls=Group)
def models() -> None:
    """Fetch, check and measure the models that find similar pictures."""


def _folder(session: Session) -> Path:
    return session.loaded.config.data / "models"


def _chosen(session: Session, model: str | None, weights: str | None, kind: str | None) -> Embedding:
    """The configured model, or the one that the options name."""
    from dedupe_core.settings import Embedding

    given = {"model": model, "weights": weights, "kind": kind}
    changes = {key: value for key, value in given.items() if value}
    return Embedding(**{**session.loaded.config.settings.embedding.model_dump(), **changes})


@models.command("list")
@pass_session
def list_(session: Session) -> int:
    """List models that are known to work, which weights are here, and how many vectors each gave."""
    from dedupe_app.cli.output import number, table
    from dedupe_core.embedders.chain import weights_file
    from dedupe_core.embedders.fetch import KNOWN

    chosen = session.loaded.config.settings.embedding
    configured = (chosen.kind, chosen.model, chosen.weights)
    told: dict[tuple[str, str, str], str] = {configured: "", **{(*key,): text for *key, text in KNOWN}}  # type: ignore[misc]
    rows: list[dict[str, Any]] = []
    for key, text in told.items():
        kind, model, weights = key
        one = chosen.model_copy(update={"kind": kind, "model": model, "weights": weights})
        there = weights_file(one, _folder(session)).is_file()
        named = {"kind": kind, "model": model, "weights": weights}
        rows.append({**named, "here": there, "configured": key == configured, "for": text})
    with session.library() as library:
        vectors = [dict(row) for row in library.store.embeddings.models()]
    session.out.show(table([_shown(row) for row in rows]))
    for row in vectors:
        session.out.show(f"   {number(row['vectors'])} vectors of {row['name']}")
    session.out.document({"models": rows, "vectors": vectors})
    return Exit.OK


def _shown(row: dict[str, Any]) -> list[str]:
    mark, here = "*" if row["configured"] else " ", "here" if row["here"] else ""
    return [mark, row["kind"], row["model"], row["weights"], here, row["for"]]


_MODEL = click.option("--model", metavar="NAME", help="Another model than the configured one.")
_WEIGHTS = click.option("--weights", metavar="TAG", help="Other weights than the configured ones.")
_KIND = click.option(
    "--kind", type=click.Choice(["open_clip", "timm", "torchscript", "onnx"]), help="The library of the model."
)


@models.command("pull")
@_MODEL
@_WEIGHTS
@_KIND
@pass_session
def pull(session: Session, model: str | None, weights: str | None, kind: str | None) -> int:
    """Fetch the weights of a model once; everything afterwards works offline."""
    from dedupe_core.embedders import fetch

    file = fetch.pull(_chosen(session, model, weights, kind), _folder(session))
    session.out.show(f" {file}")
    session.out.document({"file": str(file)})
    return Exit.OK


@models.command("verify")
@_MODEL
@_WEIGHTS
@_KIND
@pass_session
def verify(session: Session, model: str | None, weights: str | None, kind: str | None) -> int:
    """Check the weights against the digest of the day they were fetched, and load them."""
    from dedupe_core.embedders import fetch

    name = fetch.verify(_chosen(session, model, weights, kind), _folder(session))
    session.out.show(f" {name} is complete")
    session.out.document({"model": name})
    return Exit.OK


@models.command("path")
@pass_session
def path(session: Session) -> int:
    """Print where the configured weights lie, whether they are there or not."""
    from dedupe_core.embedders.chain import weights_file

    file = weights_file(session.loaded.config.settings.embedding, _folder(session))
    session.out.show(str(file))
    session.out.document({"file": str(file), "here": file.is_file()})
    return Exit.OK


@models.command("bench")
@click.option("--pictures", type=click.IntRange(8), default=64, show_default=True, help="How many pictures to encode.")
@_MODEL
@_WEIGHTS
@_KIND
@pass_session
def bench(session: Session, pictures: int, model: str | None, weights: str | None, kind: str | None) -> int:
    """Measure how fast the model encodes here, in which precision, and how fast kept vectors load."""
    from dedupe_app.inference.bench import measured

    chosen = _chosen(session, model, weights, kind)
    with session.library() as library:
        found = measured(chosen, _folder(session), pictures, library.store)
    for line in found.lines():
        session.out.show(f" {line}")
    session.out.document(found.to_json())
    return Exit.OK


@models.command("counts")
@click.option(
    "--threshold", "asked", type=click.FloatRange(-1, 1), multiple=True, metavar="COSINE", help="Count at this cosine."
)
@pass_session
def counts(session: Session, asked: tuple[float, ...]) -> int:
    """Count the pairs that the model finds alike at other thresholds; nothing is computed again."""
    from dedupe_app.cli.output import number, table

    with session.library() as library:
        name = library.store.embeddings.current()
        floor = library.store.embeddings.floor(name)
        wanted = asked or (0.99, 0.98, 0.97, 0.95, 0.93, 0.9, 0.85, 0.8)
        found = library.store.embeddings.counts(name, wanted) if floor is not None else {}
    rows: list[dict[str, Any]] = [
        {"threshold": cosine, "pairs": pairs, "photos": photos, "complete": floor is not None and cosine >= floor}
        for cosine, (pairs, photos) in found.items()
    ]
    shown = [
        [f"{row['threshold']:.3f}", number(row["pairs"]), "pairs", number(row["photos"]), "photos", _short(row)]
        for row in rows
    ]
    session.out.show(table(shown, right=(1, 3)) if rows else " no pairs yet · keepone models pull, then keepone scan")
    session.out.document({"model": name, "floor": floor, "counts": rows})
    return Exit.OK


def _short(row: dict[str, Any]) -> str:
    return "" if row["complete"] else "(at least: the last scan looked for closer ones only)"
