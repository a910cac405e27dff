"""What the doctor says, by code: the English of each line stands here once, and a line remembers its code and values,
so that the page can say it in another language."""

from __future__ import annotations

from collections.abc import Mapping

from dedupe_core.sentences import Said, Value

WORDS: Mapping[str, str] = {
    "versions": "keepone {version}, Python {python}, SQLite {sqlite}",
    "old_sqlite": "keepone {version}, Python {python}, SQLite {sqlite}: SQLite is too old",
    "other_package": "`import {name}` finds {found}, not KeepOne",
    "own_packages": "the four packages are KeepOne's own",
    "cannot_read": "this Pillow cannot read {kinds}",
    "decoders": "JPEG, PNG, WebP, AVIF, TIFF, GIF and BMP",
    "module": "{name} {version}",
    "no_module": "{name} is not usable ({error})",
    "no_model": "no model is wanted (embedding.mode: off)",
    "model_at": "the model is asked for at {url}",
    "no_package": "{name} is not installed; similar pictures are found by their hashes alone",
    "no_package_or": (
        "{name} is not installed, or the service at {url}; similar pictures are found by their hashes alone"
    ),
    "no_weights": "{model} ({weights}) is not here; similar pictures are found by their hashes alone",
    "no_weights_or": (
        "{model} ({weights}) is not here, or the service at {url}; similar pictures are found by their hashes alone"
    ),
    "weights": "{model} ({weights}); compared by: keepone models verify",
    "configuration": "{place}; {n} sources",
    "configuration_one": "{place}; 1 source",
    "no_sources": "{place}; no sources yet",
    "no_file": "no file, the defaults count",
    "not_writable": "{folder} cannot be written",
    "others_read": "other people can read {folder}",
    "space": "{folder}, {free} free",
    "space_kept": "{folder}, quarantine {kept}, {free} free",
    "space_empty": "{folder}, quarantine empty, {free} free",
    "no_database": "none yet; the first scan makes it",
    "interrupted": "{n} writes were interrupted",
    "intact": "intact",
    "free": "free",
    "wrong_clock": "the clock says {time}",
    "not_there": "{folder} is not there",
    "not_readable": "{folder} cannot be read",
    "read_only": "{folder} is read-only: duplicates are found there, but cannot be put away",
    "managed_itself": "{folder} is {what}; it is not looked at",
    "managed": "{folder} is {what}; it is left out",
    "managed_more": "{n} more folders that other programs manage are left out",
    "partly": "only a part was looked through for such folders in {seconds} s",
    "token_file": "takes its token from {file}",
    "nobody": "nobody is signed in to OneDrive",
    "not_signed_in": "{who} is not signed in",
    "signed_in": "signed in as {who}",
    "daemon_needs": "`keepone daemon` needs {names}; jobs by hand, launchd or systemd do not",
    "daemon_has": "APScheduler, watchfiles and prometheus-client",
    "by_daemon": "the daemon ({who})",
    "older_schedule": "the system starts it by an older schedule",
    "not_loaded": "it is installed, but not loaded",
    "daemon_asleep": "the daemon, which is installed and does not run",
    "by_nobody": "nobody: {jobs}",
    "by_system": "{system}: {jobs}",
    "no_system": "this machine has no {system}, and no daemon runs",
    "ended": "{state}",
    "ended_as": "{state}: {note}",
    "state.needs_login": "needs login",
    "state.source_vanished": "source vanished",
    "state.cap_reached": "cap reached",
    "state.unavailable": "unavailable",
    "state.some_failed": "some failed",
    "state.failed": "failed",
    "mend.sqlite": "Install a Python with SQLite 3.37 or newer.",
    "mend.environment": "Install KeepOne in an environment of its own: uv tool install keepone",
    "mend.data_folder": "keepone --data DIR, or change who may write it",
    "mend.space": "Free some space on this disk.",
    "mend.put_back": "Put back keepone.sqlite3.before-N, or scan into another --data folder.",
    "mend.move_away": "keep the journal, move the file away and scan again",
    "mend.settle": "keepone apply (it settles them first)",
    "mend.wait": "Wait for it; nothing is wrong.",
    "mend.clock": "Set the clock; ages of plans depend on it.",
    "mend.token_file": "Let the other program write it, or take token_file out of the source's options.",
    "mend.online": "Try again when you are online.",
    "mend.attach": "Attach the disk, or: keepone sources remove NAME",
    "mend.disk_access": "Give this terminal Full Disk Access in System Settings.",
    "mend.managed": (
        "Add it by its own connector, or set allow_managed: true if it is a plain folder: keepone config edit"
    ),
    "mend.accept_loss": "Attach it; or, if the photos really are gone: keepone scan --accept-loss SOURCE",
    "mend.apply": "Look at the plan and apply it yourself: keepone apply",
}
"""The English of every code. What a source, the system or a library says of itself is no sentence of ours."""


def line(code: str, **values: Value) -> Said:
    """The sentence of a code with these values in it."""
    return Said(WORDS[code].format(**values), f"doctor.{code}", values)
