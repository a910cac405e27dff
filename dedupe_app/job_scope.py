"""What a job looks at and where it may act: sources, months, folders, albums."""

from __future__ import annotations

from typing import Any

from connectors.base import Connector
from connectors.registry import load
from dedupe_app.job_model import JobConfig
from dedupe_app.library import Library, Narrow
from dedupe_app.scope import Scope
from dedupe_app.sources import known_sources
from dedupe_core.model import Photo
from dedupe_core.places import first_match


def turn_before(library: Library, job: JobConfig) -> str:
    """The last month of the last turn that came to its end. A parked turn comes again."""
    last = library.store.jobs.last(job.name, "done", "waiting", "cap reached", "some failed")
    told = last.summary.get("months", []) if last else []
    return str(told[-1]) if told else ""


def narrower(library: Library, wanted: tuple[str, ...]) -> Narrow | None:
    """Sources that can list single months list only those; the others list what changed."""
    if not wanted:
        return None
    known = {source.name: source for source in known_sources(library.config)}
    ask = Scope(months=wanted).narrower(known.values())
    assert ask is not None

    def narrow(name: str, connector: Connector) -> Connector | None:
        return ask(name, connector) if "months" in load(known[name].kind).Options.model_fields else connector

    return narrow


class InScope:
    """Whether a photo may go by this job: its source, its month, its folder, its albums."""

    def __init__(self, library: Library, job: JobConfig, wanted: tuple[str, ...], healthy: set[str]) -> None:
        self._job = job
        self._healthy = healthy
        self._months = set(wanted)
        self._folders = {
            source.name: [str(template).format(year=int(m[:4]), month=int(m[5:])).strip("/") for m in wanted]
            for source in known_sources(library.config)
            if (template := _template(source.kind, source.options))
        }

    def __call__(self, photo: Photo) -> bool:
        asset, job = photo.asset, self._job
        if asset.id.source not in self._healthy:
            return False
        if job.albums and not asset.labels & set(job.albums):
            return False
        if job.folders and first_match(asset, job.folders) is None:
            return False
        return not self._months or self._in_months(photo)

    def _in_months(self, photo: Photo) -> bool:
        """By its folder where the source has month folders, else by when it was taken."""
        folders = self._folders.get(photo.asset.id.source)
        if folders is None:
            return photo.taken_at is not None and f"{photo.taken_at:%Y-%m}" in self._months
        here = f"{photo.asset.folder.strip('/')}/".casefold()
        return any(here.startswith(f"{folder}/".casefold()) for folder in folders)


def _template(kind: str, options: dict[str, Any]) -> str | None:
    """How a source names its month folders, None when it has none."""
    fields = load(kind).Options.model_fields
    key = next((key for key in ("month_template", "template") if key in fields), None)
    if key is None or options.get("folder") is not None:
        return None
    return str(options.get(key) or fields[key].default)
