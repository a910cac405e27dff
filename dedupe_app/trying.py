"""Settings with a few keys changed, as `KEY=VALUE` on the command line says: to try them before they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import ValidationError

from dedupe_app.config import ConfigError, keys
from dedupe_core.settings import Settings


def changed(settings: Settings, changes: Iterable[str]) -> Settings:
    """The settings with these keys changed; values are YAML. Raises `ConfigError` for a key that does not exist or a
    value that it does not take."""
    told: dict[str, Any] = settings.model_dump()
    known = {key for key, _, _ in keys()}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or key not in known:
            raise ConfigError(f"{change!r} is no KEY=VALUE of the configuration. See: keepone config show")
        place = told
        *sections, last = key.split(".")
        for section in sections:
            place = place[section]
        try:
            place[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"{change!r}: the value is no YAML.") from error
    try:
        return Settings.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
