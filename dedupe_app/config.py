"""The configuration: `config.yaml`, environment and command line become one frozen `Config`.

A later place wins over an earlier one: the defaults of the code, the file, the environment
(`KEEPONE__SECTION__KEY`), the command line. Every key remembers where its value came from. An unknown key is an error
that names the nearest one, because a misspelt safety limit must never be silently ignored.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import platformdirs
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.base import ConnectorError, Options
from connectors.registry import kinds
from connectors.registry import load as connector_class
from dedupe_app.job_model import JobConfig, ServiceConfig
from dedupe_core.settings import Settings

FILE_NAME = "config.yaml"
ENV_PREFIX = "KEEPONE__"
ENV_FILE = "KEEPONE_CONFIG"
_Model = TypeVar("_Model", JobConfig, ServiceConfig)


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence with the place and the next step."""


def default_data() -> Path:
    """Where a person's data lies when nothing else is said."""
    return Path(platformdirs.user_data_dir("keepone", appauthor=False))


class SourceConfig(BaseModel):
    """One place where photos live: its name in every message, the connector's kind, and the connector's own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[^/\\\x00-\x1f]+$", description="the name in every message and plan")
    kind: str = Field("local", description="which connector")
    options: dict[str, Any] = Field(default_factory=dict, description="the connector's own keys")

    def validated(self) -> Options:
        """The connector's own keys, checked by the connector's own class. Raises `ConfigError`."""
        return _options(self, f"source {self.name!r}")


class Config(BaseModel):
    """Everything that a library is opened with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Field(default_factory=default_data, description="folder of the database, the journal and the lock")
    sources: tuple[SourceConfig, ...] = Field((), description="where photos live")
    settings: Settings = Field(Settings(), description="the choices of the core, each section at the top level")
    jobs: tuple[JobConfig, ...] = Field((), description="what runs by itself, when, and what it may do")
    service: ServiceConfig = Field(ServiceConfig(), description="how the service behaves that runs the jobs")

    def source(self, name: str) -> SourceConfig:
        """The source of that name. Raises `ConfigError` with the nearest name."""
        for source in self.sources:
            if source.name == name:
                return source
        known = [source.name for source in self.sources]
        raise ConfigError(f"There is no source {name!r}{_nearest(name, known)}. See: keepone sources list")

    def job(self, name: str) -> JobConfig:
        """The job of that name. Raises `ConfigError` with the nearest name."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise ConfigError(
            f"There is no job {name!r}{_nearest(name, [job.name for job in self.jobs])}. See: keepone jobs list"
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration with the file it came from (None: there is none) and the origin of each key that was set."""

    config: Config
    file: Path | None
    origins: Mapping[str, str]

    def origin(self, key: str) -> str:
        """ "default", "file PATH", "env NAME" or "command line" for a dotted key."""
        return self.origins.get(key, "default")


def user_file() -> Path:
    """The configuration file of the person, whether it exists or not."""
    return Path(platformdirs.user_config_dir("keepone", appauthor=False)) / FILE_NAME


def find_file(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file that counts: `--config`, `KEEPONE_CONFIG`, `config.yaml` upward from `cwd`, the person's own."""
    named = explicit or (Path(environ[ENV_FILE]).expanduser() if environ.get(ENV_FILE) else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"There is no configuration file {named}. Make one: keepone init --output {named}")
        return named
    for folder in (cwd, *cwd.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return user_file() if user_file().is_file() else None


def load(
    explicit: Path | None = None,
    data: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Loaded:
    """The configuration as it counts now. Raises `ConfigError`."""
    environ = os.environ if environ is None else environ
    file = find_file(explicit, environ, cwd or Path.cwd())
    raw, origins = _from_file(file) if file else ({}, {})
    for name, path, value in _from_environment(environ):
        _put(raw, path, value)
        origins |= dict.fromkeys(_flat(_nest(path, value)), f"env {name}")
    if data is not None:
        raw["data"] = str(data)
        origins["data"] = "command line"
    return Loaded(build(raw, str(file or "the environment"), file.parent if file else None), file, origins)


def build(raw: Mapping[str, Any], place: str, base: Path | None = None) -> Config:
    """A `Config` from plain values as YAML gives them. `place` is named in errors; relative folders start at `base`.
    Raises `ConfigError`."""
    values = dict(raw)
    _reject_unknown(values, place)
    sources = tuple(_source(entry, place, base) for entry in _list(values.pop("sources", None), "sources", place))
    _reject_twins(sources, place)
    jobs = tuple(_checked(JobConfig, entry, "job", place) for entry in _list(values.pop("jobs", None), "jobs", place))
    _reject_twins(jobs, place, "jobs")
    chosen: dict[str, Any] = {"sources": sources, "jobs": jobs}
    chosen["service"] = _checked(ServiceConfig, values.pop("service", None) or {}, "service", place)
    data = values.pop("data", None)
    if data is not None:
        chosen["data"] = absolute(_text(data, "data", place), base)
    try:
        return Config(settings=Settings(**{str(k): v for k, v in values.items() if v is not None}), **chosen)
    except ValidationError as error:
        raise ConfigError(f"{place}: {_first_problem(error)}") from error


def absolute(path: str, base: Path | None = None) -> Path:
    """A folder as a person writes it (`~`, relative) made absolute without following links."""
    expanded = Path(path).expanduser()
    return Path(os.path.abspath((base or Path.cwd()) / expanded))  # noqa: PTH100 - resolve() would follow links


def keys() -> Iterator[tuple[str, Any, str]]:
    """(dotted key, default, description) of every key of the core's settings, sections flattened."""
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for key, leaf in info.annotation.model_fields.items():
                yield f"{name}.{key}", leaf.get_default(call_default_factory=True), leaf.description or ""
        else:
            yield name, info.get_default(call_default_factory=True), info.description or ""


def values_of(config: Config) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of the whole configuration as it counts, `data` first."""
    yield "data", str(config.data)
    dumped = config.settings.model_dump(mode="json")
    for key, _, _ in keys():
        value: Any = dumped
        for part in key.split("."):
            value = value[part]
        yield key, value


def _keys() -> list[str]:
    return ["data", "sources", "jobs", "service", *Settings.model_fields]


def _from_file(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        raw = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text (byte {error.start}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML{_where(error)}.") from error
    if raw is None:
        return {}, {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{file} has to be a list of `key: value` lines.")
    return dict(raw), dict.fromkeys(_flat(raw), f"file {file}")


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    return f" (line {mark.line + 1}, column {mark.column + 1}: {problem})" if mark is not None else f" ({problem})"


def _flat(raw: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield str(key)


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, list[str], Any]]:
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX):
            path = name.removeprefix(ENV_PREFIX).lower().split("__")
            try:
                value = yaml.safe_load(environ[name])
            except yaml.YAMLError as error:
                raise ConfigError(f"The environment variable {name} is not a YAML value{_where(error)}.") from error
            _reject_unknown(_nest(path, value), f"The environment variable {name}")
            yield name, path, environ[name] if _wants_text(path) else value


def _nest(path: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value if isinstance(value, dict) else {}


def _wants_text(path: list[str]) -> bool:
    """True for keys whose type is text: `KEEPONE__PLANNING__FOLDER=2024` is the folder "2024"."""
    if path == ["data"]:
        return True
    model: Any = Settings
    for part in path:
        info = getattr(model, "model_fields", {}).get(part)
        model = info.annotation if info else None
    return model is str


def _put(raw: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = raw.get(key)
        raw[key] = dict(inner) if isinstance(inner, dict) else {}
        raw = raw[key]
    raw[path[-1]] = value


def _reject_unknown(raw: Mapping[Any, Any], place: str) -> None:
    for key, value in raw.items():
        if key not in _keys():
            raise ConfigError(f"{place}: unknown key {key!r}{_nearest(str(key), _keys(), deep=True)}.")
        info = Settings.model_fields.get(str(key))
        section = info.annotation if info else None
        if not (isinstance(section, type) and issubclass(section, BaseModel)) or value is None:
            continue
        if not isinstance(value, dict):
            raise ConfigError(f"{place}: {key} is a section; write `{key}:` and its keys indented below it.")
        for inner in value:
            if inner not in section.model_fields:
                raise ConfigError(
                    f"{place}: unknown key '{key}.{inner}'{_nearest(str(inner), section.model_fields, f'{key}.')}."
                )


def _nearest(word: str, known: Iterable[str], prefix: str = "", deep: bool = False) -> str:
    """ "; did you mean …?" for the nearest known key; keys of other sections are looked at last."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if near:
        return f"; the nearest key is '{prefix}{near[0]}'" if prefix or deep else f"; the nearest is '{near[0]}'"
    elsewhere = {key.rsplit(".", 1)[-1]: key for key, _, _ in keys()} if prefix or deep else {}
    far = difflib.get_close_matches(word, list(elsewhere), n=1, cutoff=0.6)
    if far:
        return f"; the nearest key is '{elsewhere[far[0]]}'"
    listed = ", ".join(f"{prefix}{key}" for key in known)
    return f"; known are: {listed}" if listed else ""


def _list(value: Any, key: str, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ConfigError(f"{place}: {key} has to be a list; begin each entry with a dash.")
    return value


def _text(value: Any, key: str, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{place}: {key} has to be a path, not {value!r}.")
    return value


def _source(entry: Any, place: str, base: Path | None) -> SourceConfig:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: a source is a block of keys (name, kind, path …), not {entry!r}.")
    options = {str(key): value for key, value in entry.items() if key not in ("name", "kind")}
    for key in _path_keys(str(entry.get("kind", "local"))):
        if isinstance(options.get(key), str):
            options[key] = str(absolute(options[key], base))
    name = entry.get("name") or Path(str(options.get("path", ""))).name
    try:
        source = SourceConfig(name=name, kind=entry.get("kind", "local"), options=options)
    except ValidationError as error:
        raise ConfigError(f"{place}: a source's {_first_problem(error)}") from error
    _options(source, f"{place}: source {source.name!r}")
    return source


def _checked(model: type[_Model], entry: Any, what: str, place: str) -> _Model:
    """A block of keys as `model` has them; an unknown key is told the nearest one."""
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: a {what} is a block of keys, not {entry!r}.")
    for key in entry:
        if key not in model.model_fields:
            raise ConfigError(
                f"{place}: unknown key '{what}.{key}'{_nearest(str(key), model.model_fields, f'{what}.')}."
            )
    try:
        return model(**entry)
    except ValidationError as error:
        told = f"{what} {entry['name']!r}" if entry.get("name") else what
        raise ConfigError(f"{place}: {told}: {_first_problem(error, given=False)}") from error


def _path_keys(kind: str) -> list[str]:
    """The keys of a connector that are paths: `Path` or `Path | None`. An unknown kind is told later."""
    if kind not in kinds():
        return []
    fields = _options_class(kind, f"a source of the kind {kind!r}").model_fields
    return [key for key, info in fields.items() if Path in (info.annotation, *get_args(info.annotation))]


def _options_class(kind: str, place: str) -> type[Options]:
    try:
        return connector_class(kind).Options
    except ConnectorError as error:
        raise ConfigError(f"{place}: {error}") from error


def _options(source: SourceConfig, place: str) -> Options:
    if source.kind not in kinds():
        raise ConfigError(f"{place}: there is no connector {source.kind!r}{_nearest(source.kind, kinds())}.")
    options = _options_class(source.kind, place)
    for key in source.options:
        if key not in options.model_fields:
            raise ConfigError(f"{place}: unknown key {key!r}{_nearest(key, options.model_fields)}.")
    try:
        return options(**source.options)
    except ValidationError as error:
        raise ConfigError(f"{place}: {_first_problem(error)}") from error


def _reject_twins(named: Iterable[SourceConfig | JobConfig], place: str, what: str = "sources") -> None:
    seen: set[str] = set()
    for one in named:
        if one.name in seen:
            raise ConfigError(f"{place}: two {what} are called {one.name!r}; give one of them another name.")
        seen.add(one.name)


def _first_problem(error: ValidationError, given: bool = True) -> str:
    """The first thing that is wrong. `given`: with the value, which can be a secret of the service's."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    told = problem["msg"].removeprefix("Value error, ")
    value = f" (it is {problem['input']!r})" if given and problem["type"] != "missing" else ""
    return f"{key}: {told[0].lower()}{told[1:]}{value}." if key else f"{told}{value}."
