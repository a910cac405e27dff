"""Sources by name or by folder. `config.yaml` names some; the data folder remembers those that were only named on the
command line, so that `keepone plan` after `keepone scan ~/Pictures` knows what was meant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dedupe_app.config import Config, ConfigError, SourceConfig, absolute, build
from dedupe_core.store import Store
from dedupe_core.whole import write_whole

DATABASE = "keepone.sqlite3"
PHOTOS, PHOTOS_SUFFIX = "photos", ".photoslibrary"


def known_sources(config: Config) -> tuple[SourceConfig, ...]:
    """The configuration's sources, then those that only the data folder remembers."""
    named = {source.name for source in config.sources}
    return (*config.sources, *(source for source in _remembered(config.data) if source.name not in named))


def _remembered(data: Path) -> list[SourceConfig]:
    if not (data / DATABASE).exists():
        return []
    with Store(data) as store:
        return [
            SourceConfig(name=row["name"], kind=row["kind"], options=json.loads(row["options"]))
            for row in store.assets.sources()
        ]


def resolve(config: Config, wanted: Sequence[str]) -> tuple[SourceConfig, ...]:
    """The source of each word: a source's name, or a folder. A folder that no source has yet becomes a new one, which
    nobody remembers so far. Raises `ConfigError` for a word that is neither."""
    known = known_sources(config)
    found: dict[str, SourceConfig] = {}
    for word in wanted:
        source = _named(known, word)
        if source is None:
            source = new_source(word, free_name(Path(word), known))
            known = (*known, source)
        found[source.name] = source
    return tuple(found.values())


def with_paths(config: Config, wanted: Sequence[str]) -> tuple[Config, tuple[str, ...]]:
    """The configuration in which each of `wanted` (a source's name, or a folder) is a source, and their names in order.
    A library that is opened with it remembers them. Raises `ConfigError` for what is neither."""
    found = resolve(config, wanted)
    named = {source.name for source in config.sources}
    new = tuple(source for source in found if source.name not in named)
    settled = config.model_copy(update={"sources": (*config.sources, *new)})
    return settled, tuple(source.name for source in found)


def _named(known: Sequence[SourceConfig], word: str) -> SourceConfig | None:
    folder = absolute(word)
    by_name = next((source for source in known if source.name == word), None)
    return by_name or next((source for source in known if _place(source) == folder), None)


def local_path(source: SourceConfig) -> Path | None:
    """The folder of a local source."""
    return _place(source) if source.kind == "local" else None


def _place(source: SourceConfig) -> Path | None:
    """Where a source lies on this machine, as its options say."""
    path = source.options.get("path")
    return Path(str(path)) if path else None


def new_source(word: str, name: str) -> SourceConfig:
    """The source for a folder: a library of Apple Photos by its name, else a local one. Raises `ConfigError` when there
    is no such folder."""
    folder = absolute(word)
    if not folder.exists():
        raise ConfigError(f"{word!r} is neither a folder nor a source. Check the spelling, or: keepone sources list")
    if not folder.is_dir():
        raise ConfigError(f"{word!r} is a file. Name the folder in which it lies.")
    kind = PHOTOS if folder.suffix.lower() == PHOTOS_SUFFIX else "local"
    return build({"sources": [{"name": name, "kind": kind, "path": str(folder)}]}, "the command line").sources[0]


def free_name(folder: Path, known: Sequence[SourceConfig]) -> str:
    """The folder's own name, made a legal and unused name of a source."""
    own = absolute(str(folder)).name
    stem = "".join(char if char.isprintable() and char not in "/\\" else "_" for char in own) or "disk"
    taken = {source.name for source in known}
    return next(name for n in range(1, len(taken) + 2) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)


def remember(data: Path, source: SourceConfig) -> None:
    """Keep a source in the data folder."""
    with Store(data) as store:
        store.assets.remember_source(source.name, source.kind, source.options)


def forget(data: Path, name: str) -> None:
    """Take a source and what is known of its photos out of the data folder; the photos are not touched."""
    with Store(data) as store, store.writing("sources remove"):
        store.assets.forget_source(name)


def replace_text(file: Path, text: str) -> None:
    """Write a file of ours, and its folder where there is none, so that it is complete or as it was before."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, [text.encode("utf-8", "surrogateescape")], durable=True, mode=0o600)
