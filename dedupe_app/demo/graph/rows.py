"""An item as JSON, the way each flavour writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from dedupe_app.demo.graph.drive import MIMES, Drive, Item

ZERO_HASH = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="


@lru_cache(maxsize=100_000)
def stamp(moment: float, fractions: bool) -> str:
    """A time as Graph writes it."""
    text = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{int(moment % 1 * 1000):03d}Z" if fractions else f"{text}Z"


@lru_cache(maxsize=10_000)
def _quoted(path: str) -> str:
    return quote(path)


def parent_reference(drive: Drive, item: Item, delta: bool, odd: bool) -> dict[str, Any]:
    """Personal rows spell the drive's id and the path differently from row to row, as recorded in 2026."""
    flavour = drive.flavour
    personal = flavour.drive_type == "personal"
    drive_id = flavour.drive_id
    if personal and odd:
        drive_id = drive_id.upper() if item.seq % 2 else drive_id.lstrip("0")
    reference: dict[str, Any] = {"driveType": flavour.drive_type, "driveId": drive_id}
    if item.parent:
        reference["id"] = item.parent
        if not delta or flavour.path_in_delta:
            above = drive.path(drive.items[item.parent])
            spelled = _quoted(above) if item.seq % 2 else above
            reference["path"] = "/drive/root:" + (f"/{spelled}" if above else "")
    return reference


def _file_facets(drive: Drive, item: Item) -> dict[str, Any]:
    assert item.content is not None
    flavour = drive.flavour
    extension = item.name.rpartition(".")[2].lower()
    mime = MIMES.get(extension, "application/octet-stream")
    hashes = {name: item.content.hashes[name] for name in flavour.hashes if not item.no_hashes}
    row: dict[str, Any] = {"size": item.content.size, "file": {"mimeType": mime, "hashes": hashes}}
    if item.content.size == 0:
        row["file"]["hashes"] = {"quickXorHash": ZERO_HASH}
    facets = {**item.content.facets, **item.facets}
    if mime.startswith("image/"):
        row["image"] = facets.get("image", {}) if flavour.full_photo_facet else {}
    for name, value in facets.items():
        if name == "photo" and not flavour.full_photo_facet:
            row[name] = {k: v for k, v in value.items() if k == "takenDateTime"}
        elif name != "image":
            row[name] = value
    return row


def row_of(drive: Drive, item: Item, *, delta: bool = False, odd: bool = True) -> dict[str, Any]:
    """The whole driveItem without expansions."""
    if item.deleted:
        return tombstone(drive, item, odd)
    fractions = drive.flavour.fractions
    row: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "eTag": drive.etag(item),
        "createdDateTime": stamp(item.created, fractions),
        "lastModifiedDateTime": stamp(item.modified, fractions),
        "fileSystemInfo": {
            "createdDateTime": stamp(item.fs_created, fractions),
            "lastModifiedDateTime": stamp(item.fs_modified, fractions),
        },
        "parentReference": parent_reference(drive, item, delta, odd),
        "webUrl": f"https://example.invalid/{item.id}",
        "createdBy": {"user": {"displayName": "U"}},
    }
    ctag = drive.ctag(item)
    if ctag:
        row["cTag"] = ctag
    if item.content is not None:
        row |= _file_facets(drive, item)
    else:
        row |= _folder_facets(drive, item)
    return row


def _folder_facets(drive: Drive, item: Item) -> dict[str, Any]:
    row: dict[str, Any] = dict(item.facets)
    if item.facets.get("vault"):
        return {}
    if not item.facets.keys() & {"package", "remoteItem", "bundle"}:
        size = sum(one.content.size for one in drive.walk(item) if one.content) if item.parent else 0
        row |= {"folder": {"childCount": len(drive.children[item.id])}, "size": size}
    if not item.parent:
        row["root"] = {}
    return row


def tombstone(drive: Drive, item: Item, odd: bool) -> dict[str, Any]:
    """The row of a deleted item; personal and business leave different things out."""
    row: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "cTag": drive.ctag(item),
        "size": 0,
        "deleted": {"state": "deleted"},
        "parentReference": parent_reference(drive, item, True, odd),
        ("file" if item.content is not None else "folder"): {"hashes": {"quickXorHash": ZERO_HASH}}
        if item.content is not None
        else {},
    }
    for name in drive.flavour.tombstone_lacks:
        row.pop(name, None)
    row["parentReference"].pop("path", None)
    return row


def selected(row: dict[str, Any], select: str | None) -> dict[str, Any]:
    """$select; the id is always there, a tombstone's facet too."""
    if not select:
        return row
    names = _names(select)
    return {name: value for name, value in row.items() if name in names}


@lru_cache(maxsize=100)
def _names(select: str) -> frozenset[str]:
    names = set(select.split(",")) | {"id", "deleted", "thumbnails"}
    if "content.downloadUrl" in names:
        names.add("@microsoft.graph.downloadUrl")
    return frozenset(names)
