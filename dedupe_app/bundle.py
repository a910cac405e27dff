"""`keepone doctor --bundle`: what somebody who helps needs to see, without what is nobody's business."""

from __future__ import annotations

import getpass
import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dedupe_app.config import Loaded, keys, values_of
from dedupe_app.doctor import Check, sources_of, version
from dedupe_app.job_model import ServiceConfig

_LEFT_OUT = "…"
_PATH = re.compile(r"(?<![\w<>])(?:/|~/)[^\s\"'<>]+")
_CHOSEN = frozenset(
    {"levels", "relations", "action", "trust", "schedule", "months", "planning.relations", "planning.unattended"}
    | {"planning.action", "grouping.method", "keeping.rules", "embedding.mode", "embedding.kind", "embedding.device"}
    | {"embedding.precision", "trash"}
)
"""Texts that are words of ours, chosen from a list or made of numbers. Every other text may name a person."""


def write_bundle(file: Path, loaded: Loaded, checks: Sequence[Check]) -> None:
    """A zip with the checks, the configuration as it counts and the versions. Names of folders, sources, jobs and of
    the person are replaced; of texts that a person wrote only those stay that can hold no name. No photo, no file name
    of a photo, no secret."""
    secrets = _secrets(loaded, checks)
    documents: dict[str, Any] = {
        "doctor.json": [check.to_json() for check in checks],
        "config.json": _config(loaded),
        "versions.json": {
            "keepone": version(),
            "python": sys.version,
            "platform": sys.platform,
            "packages": _packages(),
        },
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in documents.items():
            text = _hidden(json.dumps(content, indent=1, default=str), secrets)
            bundle.writestr(name, _PATH.sub("<path>", text) if name == "doctor.json" else text)


def _config(loaded: Loaded) -> dict[str, Any]:
    config = loaded.config
    defaults = {key: default for key, default, _ in keys()}
    service = ServiceConfig().model_dump(mode="json")
    return {
        **{key: _told(key, value, defaults.get(key)) for key, value in values_of(config)},
        "sources": [{"kind": one.kind, **_all_told(one.options, {})} for one in sources_of(config)],
        "jobs": [_all_told(job.model_dump(mode="json"), {}) for job in config.jobs],
        "service": _all_told(config.service.model_dump(mode="json"), service),
    }


def _all_told(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _told(key, value, defaults.get(key)) for key, value in values.items()}


def _told(key: str, value: Any, default: Any) -> Any:
    """A number, a default, or one of our own words; of anything else only how much there is."""
    same = default is not None and (list(default) if isinstance(default, tuple) else default) == value
    if value is None or isinstance(value, (bool, int, float)) or same or key in _CHOSEN or value in ("", []):
        return value
    return f"{_LEFT_OUT} ({len(value)})" if isinstance(value, (list, tuple)) else _LEFT_OUT


def _packages() -> dict[str, str]:
    import importlib.metadata

    return {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}


def _secrets(loaded: Loaded, checks: Sequence[Check]) -> dict[str, str]:
    """What names a person or a place, as it stands in JSON, with what is written instead."""
    secret = {str(loaded.config.data): "<data>", str(Path.home()): "~", getpass.getuser(): "<user>"}
    secret |= {str(loaded.file): "<configuration>"} if loaded.file else {}
    secret |= {name: "<name>" for check in checks for name in check.names}
    secret |= {job.name: f"<job {number}>" for number, job in enumerate(loaded.config.jobs, 1)}
    for number, source in enumerate(sources_of(loaded.config), 1):
        secret[source.name] = f"<source {number}>"
        for value in source.options.values():
            if isinstance(value, str) and ("/" in value or "@" in value):
                secret[value] = f"<source {number} folder>"
    return {json.dumps(text)[1:-1]: to for text, to in secret.items() if len(text) > 1}


def _hidden(text: str, secrets: dict[str, str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, secrets[secret])
    return text
