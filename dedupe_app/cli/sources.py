"""`keepone sources`: the places where photos live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import SourceConfig


@click.group(cls=Group)
def sources() -> None:
    """Add, list, test or forget places of photos."""


@sources.command("add")
@click.argument("path", required=False)
@click.option("--name", metavar="NAME", help="What it is called; the folder's name by default.")
@click.option("--kind", default="local", show_default=True, help="Which connector.")
@click.option("-O", "--option", "pairs", multiple=True, metavar="KEY=VALUE", help="A key of the connector, in YAML.")
@click.option("--protected", is_flag=True, help="Never drop anything from here.")
@pass_session
def add(
    session: Session, path: str | None, name: str | None, kind: str, pairs: tuple[str, ...], protected: bool
) -> int:
    """Remember a folder (the working directory by default), or another connector's place, as a source."""
    from pathlib import Path

    from dedupe_app.config import ConfigError, build
    from dedupe_app.sources import free_name, known_sources, new_source, remember

    config = session.loaded.config
    known = known_sources(config)
    entry: dict[str, Any] = {"name": name or free_name(Path(path or kind), known), "kind": kind, **_options(pairs)}
    if kind == "local":
        found = new_source(path or ".", entry["name"])
        entry |= {"kind": found.kind, **found.options}
    elif path:
        entry["path"] = path
    if protected:
        entry["protected"] = ["**"]
    if any(source.name == entry["name"] for source in known):
        raise ConfigError(f"There is a source {entry['name']!r} already; give this one another name with --name.")
    source = build({"sources": [entry]}, "the command line").sources[0]
    remember(config.data, source)
    session.out.say(f" {source.name}: {source.options.get('path', '')}\n Next: keepone scan {source.name}")
    session.out.document({"source": source.model_dump(mode="json")})
    return Exit.OK


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"{pair!r} is no option of a connector: write KEY=VALUE.")
        found[key] = yaml.safe_load(value)
    return found


@sources.command("list")
@pass_session
def list_(session: Session) -> int:
    """List the sources with what is known of them."""
    from dedupe_app.cli.output import number, table
    from dedupe_core.words import bytes_text, readable

    known = with_figures(session)
    rows = [
        [
            item["name"],
            item["kind"],
            readable(item["place"]),
            number(item["photos"]),
            bytes_text(item["bytes"]),
            item["state"],
        ]
        for item in known
    ]
    session.out.show(table(rows, right=(3, 4)) if rows else " no sources yet · keepone sources add ~/Pictures")
    session.out.document({"sources": known}, ({"message_type": "source", **item} for item in known))
    return Exit.OK


def with_figures(session: Session) -> list[dict[str, Any]]:
    """The sources with what the data folder knows of them."""
    from dedupe_app.sources import DATABASE, known_sources
    from dedupe_core.store import Store

    config = session.loaded.config
    stored: dict[str, Any] = {}
    if (config.data / DATABASE).exists():
        with Store(config.data) as store:
            stored = {row["name"]: dict(row) for row in store.assets.sources()}
    in_file = {source.name for source in config.sources}
    return [_joined(source, source.name in in_file, stored.get(source.name, {})) for source in known_sources(config)]


def _joined(source: SourceConfig, configured: bool, stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "place": str(source.options.get("path", "")),
        "configured": configured,
        "photos": stored.get("assets", 0),
        "bytes": stored.get("bytes", 0),
        "scanned_at": stored.get("scanned_at"),
        "state": stored.get("state", "new"),
        "note": stored.get("note", ""),
    }


@sources.command("remove")
@click.argument("name")
@pass_session
def remove(session: Session, name: str) -> int:
    """Forget a source. Its photos stay where they are; only our memory of them goes."""
    from dedupe_app.config import ConfigError
    from dedupe_app.sources import forget, known_sources

    loaded = session.loaded
    if any(source.name == name for source in loaded.config.sources):
        raise ConfigError(f"{name!r} stands in {loaded.file}; take it out there first: keepone config edit")
    if all(source.name != name for source in known_sources(loaded.config)):
        raise ConfigError(f"There is no source {name!r}. See: keepone sources list")
    forget(loaded.config.data, name)
    session.out.say(f" forgot {name}; its photos are untouched")
    session.out.document({"removed": name})
    return Exit.OK


@sources.command("test")
@click.argument("name", required=False)
@pass_session
def test(session: Session, name: str | None) -> int:
    """Try to reach the sources and say what they can do."""
    from connectors.base import ConnectorError
    from dedupe_app.sources import known_sources, resolve

    config = session.loaded.config
    wanted = resolve(config, [name]) if name else known_sources(config)
    results = []
    for source in wanted:
        try:
            results.append(_tried(source))
        except ConnectorError as error:
            results.append({"name": source.name, "ok": False, "error": str(error)})
    for result in results:
        session.out.show(
            f" {'ok  ' if result['ok'] else 'fail'}  {result['name']}  {result.get('error') or result['can']}"
        )
    session.out.document({"sources": results}, ({"message_type": "source", **result} for result in results))
    return Exit.OK if all(result["ok"] for result in results) else Exit.ERROR


def _tried(source: SourceConfig) -> dict[str, Any]:
    """Open the source and take the first page of its listing."""
    from dataclasses import fields

    from connectors.registry import connect

    connector = connect(source.kind, source.name, source.options)
    try:
        page = next(iter(connector.scan(None)), None)
        features = {
            field.name: getattr(connector.features, field.name)
            for field in fields(connector.features)
            if isinstance(getattr(connector.features, field.name), bool)
        }
        can = ", ".join(key for key, on in features.items() if on)
        return {
            "name": source.name,
            "ok": True,
            "can": can,
            "features": features,
            "seen": len(page.assets) if page else 0,
        }
    finally:
        connector.close()
