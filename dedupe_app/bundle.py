"""`keepone doctor --bundle`: what somebody who helps needs to see, without what is nobody's business."""

from __future__ import annotations

import getpass
import json
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dedupe_app.config import Loaded, values_of
from dedupe_app.doctor import Check, sources_of, version

_SECRET = re.compile(r"(?i)token|secret|passw|credential|client_id|api_?key|cookie")


def write_bundle(file: Path, loaded: Loaded, checks: Sequence[Check]) -> None:
    """A zip with the checks, the configuration as it counts and the versions; folders, names of sources and of the
    person are replaced, values of secret keys left out. No photo, no file name of a photo."""
    secrets = _secrets(loaded)
    documents: dict[str, Any] = {
        "doctor.json": [check.to_json() for check in checks],
        "config.json": {key: "…" if _SECRET.search(key) else value for key, value in values_of(loaded.config)}
        | {"sources": [_source(source.kind, source.options) for source in sources_of(loaded.config)]},
        "versions.json": {
            "keepone": version(),
            "python": sys.version,
            "platform": sys.platform,
            "packages": _packages(),
        },
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in documents.items():
            bundle.writestr(name, _hidden(json.dumps(content, indent=1, default=str), secrets))


def _source(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind} | {key: "…" if _SECRET.search(key) else value for key, value in options.items()}


def _packages() -> dict[str, str]:
    import importlib.metadata

    return {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}


def _secrets(loaded: Loaded) -> dict[str, str]:
    """What names a person or a place, as it stands in JSON, with what is written instead."""
    secret = {str(loaded.config.data): "<data>", str(Path.home()): "~", getpass.getuser(): "<user>"}
    for number, source in enumerate(sources_of(loaded.config), 1):
        secret[source.name] = f"<source {number}>"
        for value in source.options.values():
            if isinstance(value, str) and "/" in value:
                secret[value] = f"<source {number} folder>"
    return {json.dumps(text)[1:-1]: to for text, to in secret.items() if len(text) > 1}


def _hidden(text: str, secrets: dict[str, str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, secrets[secret])
    return text
