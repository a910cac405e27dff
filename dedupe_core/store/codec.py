"""Values to rows and back. Names are bytes in the database; JSON is ASCII, so lone surrogates survive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from connectors.base import Asset, AssetId, Part
from dedupe_core.model import Edge, Evidence, Signature
from dedupe_core.sentences import packed, unpacked

EPOCH = datetime(1970, 1, 1)
_JSON = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True)
_OWN_COLUMNS = {"id", "revision", "name", "folder", "size"}
_FACTS = tuple(name for name in Asset.__slots__ if name not in _OWN_COLUMNS)
_facts = attrgetter(*_FACTS)
_PLAIN = frozenset({str, int, float})


def dumps(value: object) -> str:
    """JSON as the store writes it: ASCII only, so that lone surrogates in names survive."""
    return _JSON.encode(value)


def encode_name(name: str) -> bytes:
    """A name or key as the bytes that the file system gave."""
    return name.encode("utf-8", "surrogateescape")


def decode_name(name: bytes) -> str:
    """The inverse of `encode_name`."""
    return name.decode("utf-8", "surrogateescape")


def seconds(moment: datetime | None) -> float | None:
    """A naive local time as a number that only serves differences and equality."""
    return None if moment is None else (moment.replace(tzinfo=None) - EPOCH).total_seconds()


def asset_facts(asset: Asset) -> dict[str, Any]:
    """The facts of an asset that have no column of their own, without those that are unknown."""
    values = zip(_FACTS, _facts(asset), strict=True)
    return {name: value if type(value) in _PLAIN else _plain(value) for name, value in values if value}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return _in_order(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Part):
        return [[part.role, part.key, part.revision, part.size] for part in value]
    return dict(value) if isinstance(value, Mapping) else value


@lru_cache(maxsize=4096)
def _in_order(values: frozenset[str]) -> list[str]:
    """Many photos share their labels and flags."""
    return sorted(values)


def asset_from(identity: AssetId, revision: str, name: str, folder: str, size: int, facts: Mapping[str, Any]) -> Asset:
    """The asset of a row or of a plan's JSON."""
    known = dict(facts)
    if "taken_at" in known:
        known["taken_at"] = datetime.fromisoformat(known["taken_at"])
    if "place" in known:
        known["place"] = (float(known["place"][0]), float(known["place"][1]))
    for group in ("flags", "labels", "aliases", "ours", "people"):
        known[group] = frozenset(known.get(group, ()))
    known["parts"] = tuple(Part(role, key, rev, length) for role, key, rev, length in known.get("parts", ()))
    return Asset(identity, revision, name, folder, size, **known)


def asset_to_json(asset: Asset) -> dict[str, Any]:
    """A whole asset as JSON, for plans and the journal."""
    return {
        "source": asset.id.source,
        "key": asset.id.key,
        "revision": asset.revision,
        "name": asset.name,
        "folder": asset.folder,
        "size": asset.size,
        "facts": asset_facts(asset),
    }


def asset_from_json(raw: Mapping[str, Any]) -> Asset:
    """The inverse of `asset_to_json`."""
    identity = AssetId(raw["source"], raw["key"])
    return asset_from(identity, raw["revision"], raw["name"], raw["folder"], raw["size"], raw["facts"])


def signature_facts(signature: Signature) -> dict[str, Any]:
    """A signature without its content and hashes, as JSON."""
    raw = {name: getattr(signature, name) for name in Signature.__slots__ if name not in ("content", "phashes")}
    raw["taken_at"] = signature.taken_at.isoformat() if signature.taken_at else None
    return raw


def signature_from(content: str, phashes: bytes, facts: Mapping[str, Any]) -> Signature:
    """The signature of a row."""
    known = dict(facts)
    known["taken_at"] = datetime.fromisoformat(known["taken_at"]) if known.get("taken_at") else None
    known["place"] = tuple(known["place"]) if known.get("place") else None
    return Signature(content=content, phashes=phashes, **known)


def edge_to_json(edge: Edge) -> dict[str, Any]:
    """An edge with its evidence as JSON."""
    return {**asdict(edge), "sentence": packed(edge.sentence)}


def edge_from_json(raw: Mapping[str, Any]) -> Edge:
    """The inverse of `edge_to_json`."""
    return Edge(**{**raw, "evidence": Evidence(**raw["evidence"]), "sentence": unpacked(raw.get("sentence", ""))})
