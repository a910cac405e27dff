"""Is this installation fit for work? Each check answers ok, warn or fail, with the command or step that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from connectors.base import ConnectorError, SignInRequired
from dedupe_app.config import Config, ConfigError, Loaded, SourceConfig
from dedupe_app.doctor_words import line
from dedupe_app.sources import known_sources, local_path
from dedupe_core.sentences import Value, size_of
from dedupe_core.words import readable

Level = Literal["ok", "warn", "fail"]
OUR_PACKAGES = ("connectors", "dedupe_core", "feedback", "dedupe_app")
_QUARANTINE = ".keepone/quarantine"
_TIGHT, _FULL = 2_000_000_000, 200_000_000  # bytes free on a disk
_TOLD, _LOOKING = 5, 5.0  # left-out folders that are named, and seconds in which they are looked for
_MANAGED = line("mend.managed")
_EARLIEST = 1_735_689_600  # 2025-01-01: no clock of a machine that runs this is right before it


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: what was looked at, how it is, and what mends it. `names` are names in it that are a
    person's own, which a bundle leaves out."""

    name: str
    level: Level
    text: str
    fix: str = ""
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The check as `keepone doctor --json` prints it."""
        return {key: value for key, value in asdict(self).items() if key != "names"}


def version() -> str:
    """Our version, also in a checkout that is not installed."""
    try:
        return importlib.metadata.version("keepone")
    except importlib.metadata.PackageNotFoundError:
        return "0 (not installed)"


def examine(loaded: Loaded) -> list[Check]:
    """All checks, in the order in which a person would mend things. Nothing is changed or made."""
    from dedupe_app.doctor_service import service

    config = loaded.config
    checks: list[Callable[[], Iterator[Check]]] = [
        _versions,
        _imports,
        _decoders,
        lambda: _weights(config),
        lambda: _configuration(loaded),
        lambda: _data_folder(config.data),
        lambda: _database(config.data),
        lambda: _lock(config.data),
        lambda: _clock(config.data),
        lambda: _sources(config),
        lambda: service(loaded),
    ]
    return [check for look in checks for check in look()]


def sources_of(config: Config) -> tuple[SourceConfig, ...]:
    """Every source; those of the configuration alone when the data folder cannot be read."""
    from dedupe_core.store import StoreError

    try:
        return known_sources(config)
    except (StoreError, sqlite3.Error, OSError):
        return config.sources


def install_command(requirement: str) -> str:
    """How something is added to this very copy: uv tool, pipx and pip each have their own way."""
    prefix = Path(sys.prefix).as_posix()
    if "/uv/tools/" in prefix:
        return f"uv tool install --with {requirement} keepone"
    if "/pipx/venvs/" in prefix:
        return f"pipx inject keepone {requirement}"
    return f"{Path(sys.executable).name} -m pip install {requirement}"


def _versions() -> Iterator[Check]:
    told = {"version": version(), "python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version}
    if sqlite3.sqlite_version_info < (3, 37):
        yield Check("versions", "fail", line("old_sqlite", **told), line("mend.sqlite"))
    else:
        yield Check("versions", "ok", line("versions", **told))


def _imports() -> Iterator[Check]:
    """Four plain top-level names can be taken by somebody else's package; then nothing works as it should."""
    home = Path(__file__).resolve().parent.parent
    for name in OUR_PACKAGES:
        spec = importlib.util.find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []
        if home / name not in places:
            found = readable(str(places[0])) if places else "nothing"
            yield Check("imports", "fail", line("other_package", name=name, found=found), line("mend.environment"))
            return
    yield Check("imports", "ok", line("own_packages"))


def _decoders() -> Iterator[Check]:
    from PIL import features

    missing = [
        kind
        for kind, name in (("JPEG", "jpg"), ("PNG", "zlib"), ("WebP", "webp"), ("AVIF", "avif"))
        if not features.check(name)
    ]
    if missing:
        yield Check(
            "decoders", "warn", line("cannot_read", kinds=", ".join(missing)), install_command("--upgrade pillow")
        )
    else:
        yield Check("decoders", "ok", line("decoders"))
    yield from _module("HEIC", "pi_heif", "warn", "pi-heif")
    yield from _module("verification", "cv2", "fail", "opencv-python-headless")
    yield from _module("RAW", "rawpy", "warn", "rawpy")


def _module(what: str, name: str, level: Level, requirement: str) -> Iterator[Check]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        yield Check(
            what, level, line("no_module", name=requirement, error=readable(str(error))), install_command(requirement)
        )
    else:
        yield Check(what, "ok", line("module", name=requirement, version=importlib.metadata.version(requirement)))


def _weights(config: Config) -> Iterator[Check]:
    """Whether similar pictures can be looked for; a scan works without. Nothing heavy is imported."""
    from dedupe_core.embedders.chain import extra, missing, weights_file

    chosen = config.settings.embedding
    other = {"url": chosen.url} if chosen.url and chosen.mode != "local" else {}
    model = {"model": chosen.model, "weights": chosen.weights}
    if chosen.mode == "off":
        yield Check("weights", "ok", line("no_model"))
    elif chosen.mode == "remote":
        yield Check("weights", "ok", line("model_at", url=chosen.url))
    elif lacking := missing(chosen):
        text = line("no_package_or" if other else "no_package", name=lacking[0], **other)
        yield Check("weights", "warn", text, install_command(f"'keepone[{extra(chosen)}]'"))
    elif not weights_file(chosen, config.data / "models").is_file():
        text = line("no_weights_or" if other else "no_weights", **model, **other)
        yield Check("weights", "warn", text, "keepone models pull")
    else:
        yield Check("weights", "ok", line("weights", **model))


def _configuration(loaded: Loaded) -> Iterator[Check]:
    place = readable(str(loaded.file)) if loaded.file else line("no_file")
    count = len(sources_of(loaded.config))
    if count:
        yield Check(
            "configuration",
            "ok",
            line("configuration_one", place=place) if count == 1 else line("configuration", place=place, n=count),
        )
    else:
        yield Check("configuration", "warn", line("no_sources", place=place), "keepone sources add ~/Pictures")


def _data_folder(data: Path) -> Iterator[Check]:
    there = next(folder for folder in (data, *data.parents) if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Check(
            "data folder",
            "fail",
            line("not_writable", folder=readable(str(there))),
            line("mend.data_folder"),
        )
        return
    if data.exists() and os.name == "posix" and data.stat().st_mode & 0o077:
        yield Check(
            "data folder", "warn", line("others_read", folder=readable(str(data))), f"chmod 700 '{readable(str(data))}'"
        )
    yield _space("data folder", there, "space", folder=readable(str(data)))


def _space(name: str, disk: Path, code: str, **told: Value) -> Check:
    free = shutil.disk_usage(disk).free
    level: Level = "fail" if free < _FULL else "warn" if free < _TIGHT else "ok"
    return Check(name, level, line(code, free=size_of(free), **told), "" if level == "ok" else line("mend.space"))


def _database(data: Path) -> Iterator[Check]:
    from dedupe_core.store import Store, StoreError

    if not (data / "keepone.sqlite3").exists():
        yield Check("database", "ok", line("no_database"))
        return
    try:
        with Store(data) as store:
            found, waiting = store.check(), len(store.plans.open_intents())
    except (StoreError, sqlite3.Error) as error:
        yield Check(
            "database",
            "fail",
            readable(str(error)),
            line("mend.put_back"),
        )
        return
    if found != "ok":
        yield Check("database", "fail", readable(found), line("mend.move_away"))
    elif waiting:
        yield Check("database", "warn", line("interrupted", n=waiting), line("mend.settle"))
    else:
        yield Check("database", "ok", line("intact"))


def _lock(data: Path) -> Iterator[Check]:
    from dedupe_core.store import Locked, Store

    if not (data / "lock").exists():
        return
    try:
        with Store(data) as store, store.writing("doctor"):
            yield Check("lock", "ok", line("free"))
    except Locked as error:
        yield Check("lock", "warn", readable(str(error)), line("mend.wait"))
    except sqlite3.Error:
        return  # the database check has said it


def _clock(data: Path) -> Iterator[Check]:
    now = time.time()
    newest = max((file.stat().st_mtime for file in data.glob("keepone.sqlite3*")), default=0.0)
    if now < _EARLIEST or newest > now + 86_400:
        yield Check(
            "clock",
            "warn",
            line("wrong_clock", time=time.strftime("%Y-%m-%d %H:%M")),
            line("mend.clock"),
        )
    else:
        yield Check("clock", "ok", time.strftime("%Y-%m-%d %H:%M %Z"))


def _sources(config: Config) -> Iterator[Check]:
    for source in sources_of(config):
        name, folder = f"source {readable(source.name)}", local_path(source)
        if folder is not None:
            yield from _folder(name, folder)
            yield from _left_out(name, folder, bool(source.options.get("allow_managed")))
        elif source.kind in _ASKED:
            yield from _asked(name, source)


def _asked(name: str, source: SourceConfig) -> Iterator[Check]:
    """What a source of another kind says of itself; where its package is missing or its options are wrong, that."""
    try:
        options = source.validated()
        yield from _ASKED[source.kind](name, source, options)
    except ConfigError as error:
        yield Check(name, "fail", readable(str(error)), "keepone config edit")


def _photos(name: str, source: SourceConfig, options: Any) -> Iterator[Check]:
    """Whether Photos can be read, scripted and changed, and whose switch it is when not."""
    from connectors.photos import access

    del source
    for number, check in enumerate(access.checks(options)):
        level: Level = "ok" if check.good else "warn" if number else "fail"  # without the first nothing can be read
        yield Check(f"{name}: {check.name}", level, readable(check.sentence))


def _onedrive(name: str, source: SourceConfig, options: Any) -> Iterator[Check]:
    """Who is signed in; nothing is asked of OneDrive itself."""
    from connectors.onedrive import auth

    if options.token_file is not None:
        there = options.token_file.is_file()
        text = line("token_file", file=readable(str(options.token_file)))
        fix = "" if there else line("mend.token_file")
        yield Check(name, "ok" if there else "fail", text, fix)
        return
    try:
        who = [one.username for one in auth.accounts(options)]
    except SignInRequired as error:
        yield Check(name, "fail", str(error), "keepone config edit")
        return
    except ConnectorError as error:
        yield Check(name, "warn", str(error), line("mend.online"))
        return
    if not who:
        yield Check(name, "fail", line("nobody"), f"keepone login {source.name}")
    elif options.account and options.account not in who:
        yield Check(
            name, "fail", line("not_signed_in", who=options.account), f"keepone login {source.name}", tuple(who)
        )
    else:
        yield Check(name, "ok", line("signed_in", who=options.account or ", ".join(who)), "", tuple(who))


_ASKED: dict[str, Callable[[str, SourceConfig, Any], Iterator[Check]]] = {"photos": _photos, "onedrive": _onedrive}


def _folder(name: str, folder: Path) -> Iterator[Check]:
    shown = readable(str(folder))
    if not folder.is_dir():
        yield Check(name, "fail", line("not_there", folder=shown), line("mend.attach"))
    elif not os.access(folder, os.R_OK | os.X_OK):
        fix = line("mend.disk_access") if sys.platform == "darwin" else f"chmod u+rx '{shown}'"
        yield Check(name, "fail", line("not_readable", folder=shown), fix)
    elif not os.access(folder, os.W_OK):
        yield Check(name, "warn", line("read_only", folder=shown), "")
    else:
        kept = _quarantined(folder)
        told = {"kept": size_of(kept)} if kept else {}
        yield _space(name, folder, "space_kept" if kept else "space_empty", folder=shown, **told)


def _left_out(name: str, folder: Path, allowed: bool) -> Iterator[Check]:
    """The source itself, or folders in it, that another program manages: these are not walked."""
    from connectors.local.options import managed_by

    own = managed_by(folder.as_posix())
    if allowed or not folder.is_dir():
        return
    if own:
        yield Check(name, "fail", line("managed_itself", folder=readable(str(folder)), what=own), _MANAGED)
        return
    found, whole = _managed(folder)
    for path in found[:_TOLD]:
        text = line("managed", folder=readable(path), what=managed_by(path))
        fix = "keepone sources add --kind photos" if path.lower().endswith(".photoslibrary") else _MANAGED
        yield Check(name, "warn", text, fix, (readable(path),))
    if len(found) > _TOLD:
        yield Check(name, "warn", line("managed_more", n=len(found) - _TOLD), _MANAGED)
    if not whole:
        yield Check(name, "ok", line("partly", seconds=f"{_LOOKING:g}"))


def _managed(folder: Path) -> tuple[list[str], bool]:
    """Folders below that other programs manage, as paths in it, and whether everything was looked through in time."""
    from connectors.local.options import managed_by

    end = time.monotonic() + _LOOKING
    found: list[str] = []
    for below, names, _ in os.walk(folder):
        if time.monotonic() > end:
            return sorted(found), False
        places = {entry: (Path(below) / entry).relative_to(folder).as_posix() for entry in names}
        found += [path for path in places.values() if managed_by(path)]
        names[:] = [entry for entry in names if entry != ".keepone" and not managed_by(places[entry])]
    return sorted(found), True


def _quarantined(folder: Path) -> int:
    """How many bytes lie in the quarantine of a source; its own lists, at the top, are not counted."""
    size = 0
    for below, _, names in os.walk(folder / _QUARANTINE):
        for entry in names if Path(below) != folder / _QUARANTINE else ():
            size += os.lstat(Path(below) / entry).st_size
    return size
