"""Which connectors there are, and how one is opened. Nothing is imported before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from connectors.base import Connector, ConnectorError

GROUP = "keepone.connectors"


class UnknownKind(ConnectorError):
    """No connector of this kind is known."""


class Missing(ConnectorError):
    """The connector is known, and something that it needs is not installed."""


class WrongOptions(ConnectorError):
    """The options in the configuration are not those of this connector."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A connector of ours: `target` is "module:Class", `hint` what to do when its imports fail."""

    target: str
    hint: str = "Install KeepOne again: pip install --force-reinstall keepone"


BUILT_IN: Mapping[str, BuiltIn] = {
    "local": BuiltIn("connectors.local:LocalConnector"),
    "memory": BuiltIn("connectors.memory:MemoryConnector"),
    "onedrive": BuiltIn(
        "connectors.onedrive:OneDriveConnector", "Install what OneDrive needs: pip install 'keepone[onedrive]'"
    ),
    "photos": BuiltIn("connectors.photos:PhotosConnector", "Install what Photos needs: pip install 'keepone[apple]'"),
}


def kinds() -> list[str]:
    """Every kind that can be written into the configuration, sorted."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def load(kind: str) -> type[Connector]:
    """The class of a kind. Raises `UnknownKind` with the nearest name, `Missing` with what to install."""
    known = BUILT_IN.get(kind)
    if known is not None:
        return _checked(kind, known.target, known.hint)
    for point in entry_points(group=GROUP):
        if point.name == kind:
            return _checked(kind, point.value, f"Install what {_package(point)} needs, or remove that package.")
    near = get_close_matches(kind, kinds(), 1)
    guess = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(kinds())}."
    raise UnknownKind(f"There is no connector of the kind {kind!r}.{guess}")


def connect(kind: str, name: str, options: Mapping[str, Any]) -> Connector:
    """Open a source: the connector of `kind`, called `name`, with its own keys of the configuration. Raises
    `UnknownKind`, `Missing`, `WrongOptions`, and whatever the connector refuses."""
    connector = load(kind)
    try:
        wanted = connector.Options.model_validate(dict(options))
    except ValidationError as error:
        raise WrongOptions(_sentence(name, connector, error)) from error
    opened: Connector = connector(name, wanted)  # type: ignore[call-arg]
    return opened


def _checked(kind: str, target: str, hint: str) -> type[Connector]:
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise Missing(f"The connector {kind!r} cannot be loaded ({error}). {hint}") from error
    if not (isinstance(found, type) and issubclass(found, Connector)):
        raise Missing(f"The connector {kind!r} cannot be loaded: {target} is no connector. {hint}")
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(":")[0]


def _sentence(name: str, connector: type[Connector], error: ValidationError) -> str:
    """What is wrong with the first wrong key, and for an unknown one the nearest that there is."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "options"
    if first["type"] == "extra_forbidden":
        near = get_close_matches(key, connector.Options.model_fields, 1)
        guess = f"Did you mean {near[0]!r}?" if near else f"It knows: {', '.join(connector.Options.model_fields)}."
        return f"Source {name!r}: {connector.kind} knows no key {key!r}. {guess}"
    if first["type"] == "missing":
        return f"Source {name!r}: the key {key!r} is missing."
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"Source {name!r}: {key!r} is wrong: {reason}."
