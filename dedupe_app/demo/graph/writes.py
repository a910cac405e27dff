"""The writing half: move, create, upload, recycle, restore, albums."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dedupe_app.demo.graph.drive import GraphError, Item
from dedupe_app.demo.graph.rows import row_of
from dedupe_app.demo.graph.state import Place, State
from dedupe_app.demo.graph.wire import Answer, Call

STALE = "ETag does not match current item's value"


def write(state: State, call: Call, place: Place) -> Answer:
    """Any PATCH, PUT, POST or DELETE below a drive."""
    routes: dict[tuple[str, str], Callable[[State, Call, Place], Answer]] = {
        ("PATCH", ""): _patch,
        ("DELETE", ""): _delete,
        ("POST", "children"): _create,
        ("PUT", "content"): _upload,
        ("POST", "restore"): _restore,
        ("POST", "permanentDelete"): _permanent,
        ("POST", "bundles"): _bundle,
    }
    route = routes.get((call.method, place.tail))
    if route is None:
        raise GraphError(405, "methodNotAllowed", f"{call.method} is not allowed here.")
    return route(state, call, place)


def _guard(state: State, call: Call, item: Item) -> None:
    if item.locked:
        raise GraphError(423, "resourceLocked", "The resource is locked.")
    expected = call.header("If-Match")
    if expected not in (None, "*", state.drive.etag(item), state.drive.ctag(item)):
        raise GraphError(412, state.quirks.wrong_if_match, STALE)


def _alive(place: Place) -> Item:
    item = place.there()
    if item.deleted or item.purged:
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    return item


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _patch(state: State, call: Call, place: Place) -> Answer:
    item, body = _alive(place), call.json()
    _guard(state, call, item)
    reference = body.get("parentReference", {})
    parent = state.drive.live(reference["id"]) if "id" in reference else state.drive.items[item.parent]
    name = body.get("name", item.name)
    if "name" in body:
        state.drive.check_name(name)
    target = state.drive.children[parent.id].get(name.casefold())
    behaviour = call.query.get("@microsoft.graph.conflictBehavior") or body.get("@microsoft.graph.conflictBehavior")
    if behaviour == "replace" and target and target != item.id:
        state.drive.recycle(state.drive.items[target])
    if parent.id != item.parent or name != item.name:
        state.drive.relocate(item, parent, name)
        item.fs_modified = state.clock.now()
    else:
        state.drive.touch(item)
    info = body.get("fileSystemInfo", {})
    item.fs_modified = _seconds(info["lastModifiedDateTime"]) if "lastModifiedDateTime" in info else item.fs_modified
    item.fs_created = _seconds(info["createdDateTime"]) if "createdDateTime" in info else item.fs_created
    if state.quirks.patch_answers_204:
        return Answer(204, units=2)
    return Answer.of(row_of(state.drive, item), units=2)


def _delete(state: State, call: Call, place: Place) -> Answer:
    item = _alive(place)
    _guard(state, call, item)
    state.drive.recycle(item)
    return Answer(204, units=2)


def _create(state: State, call: Call, place: Place) -> Answer:
    body = call.json()
    parent = _alive(place)
    if "folder" not in body or not parent.folder:
        raise GraphError(400, "invalidRequest", "Only folders can be made this way.")
    if body.get("@microsoft.graph.conflictBehavior", "fail") != "fail":
        raise GraphError(400, "notSupported", "The emulator makes folders with conflictBehavior=fail only.")
    return Answer.of(row_of(state.drive, state.drive.make_folder(parent, body["name"])), 201, units=2)


def _upload(state: State, call: Call, place: Place) -> Answer:
    """PUT content: parents are made for a path; the default is to replace, which is why a client says otherwise."""
    behaviour = call.query.get("@microsoft.graph.conflictBehavior", "replace")
    item = place.item if place.item is not None and not place.item.deleted else None
    if item is not None:
        if behaviour == "fail":
            raise GraphError(409, "nameAlreadyExists", "Name already exists")
        _guard(state, call, item)
        saved = state.drive.put(state.drive.path(item), call.body)
        return Answer.of(row_of(state.drive, saved), units=2)
    if not place.path:
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    return Answer.of(row_of(state.drive, state.drive.put(place.path, call.body)), 201, units=2)


def _restore(state: State, call: Call, place: Place) -> Answer:
    if not state.flavour.restore:
        raise GraphError(501, "notSupported", "Restore is not supported on this account.")
    body: dict[str, Any] = call.json()
    reference = body.get("parentReference", {})
    parent = state.drive.live(reference["id"]) if "id" in reference else None
    item = state.drive.restore(place.there().id, parent, body.get("name"))
    return Answer.of(row_of(state.drive, item), units=2)


def _permanent(state: State, _call: Call, place: Place) -> Answer:
    """A tripwire: the test suite fails when anybody comes here."""
    state.accounting.permanent_deletes += 1
    item = place.there()
    item.purged = True
    return Answer(204, units=2)


def _bundle(state: State, _call: Call, _place: Place) -> Answer:
    if state.flavour.drive_type != "personal":
        raise GraphError(400, "invalidRequest", "Bundles are not supported on this account.")
    raise GraphError(501, "notSupported", "The emulator keeps no albums.")
