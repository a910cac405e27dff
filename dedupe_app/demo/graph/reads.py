"""The reading half of the drives API: items, children, delta, thumbnails, downloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from dedupe_app.demo.graph.drive import GraphError, Item
from dedupe_app.demo.graph.rows import row_of, selected
from dedupe_app.demo.graph.state import Place, State
from dedupe_app.demo.graph.wire import Answer, Call

SIZES = {"small": 96, "medium": 176, "large": 800}
CUSTOM = re.compile(r"^c(\d+)x(\d+)(_Crop)?$", re.IGNORECASE)
NO_CROP = "Unsupported options were provided in the thumbnail descriptor."


def get(state: State, call: Call, place: Place) -> Answer:
    """Any GET below a drive."""
    if place.tail == "drive":
        return _drive(state)
    head = place.tail.split("/")[0]
    if head.startswith("delta"):
        return _delta(state, call, place)
    routes: dict[str, Callable[[State, Call, Place], Answer]] = {
        "": _item, "children": _children, "thumbnails": _thumbnails, "content": _content,
    }  # fmt: skip
    if head not in routes:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{head}'.")
    return routes[head](state, call, place)


def _drive(state: State) -> Answer:
    used = sum(item.content.size for item in state.drive.walk() if item.content)
    quota = {"total": 10**12, "used": used, "remaining": 10**12 - used, "state": "normal"}
    return Answer.of({"id": state.flavour.drive_id, "driveType": state.flavour.drive_type, "quota": quota})


def alive(state: State, call: Call, place: Place) -> Item:
    """The item named, also from the recycle bin where the query asks for it and the account allows it."""
    item = place.there()
    if item.purged or (item.deleted and not (_deleted_too(call) and state.flavour.restore)):
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    return item


def _deleted_too(call: Call) -> bool:
    return call.query.get("includeDeletedItems", "").lower() == "true"


def _item(state: State, call: Call, place: Place) -> Answer:
    item = alive(state, call, place)
    row = row_of(state.drive, item)
    if item.deleted:
        row["name"], row["parentReference"]["id"] = item.name, item.parent
    if item.content is not None and not item.deleted:
        row["@microsoft.graph.downloadUrl"] = state.ticket(item)
    if "thumbnails" in call.query.get("$expand", ""):
        row["thumbnails"] = thumbnail_sets(state, item, None, True)
    return Answer.of(selected(row, call.query.get("$select")))


def _children(state: State, call: Call, place: Place) -> Answer:
    """Pages by offset: what is moved between two pages makes the next one skip items, as the service warns."""
    folder = alive(state, call, place)
    expand = "thumbnails" in call.query.get("$expand", "")
    if expand and not state.flavour.expand_thumbnails:
        raise GraphError(400, "badArgument", "The expand is not supported on this account.")
    top = min(int(call.query.get("$top", "200")), 1000)
    start = int(call.query.get("$skiptoken", "0"))
    listing = state.drive.listing(folder)
    rows = []
    for item in listing[start : start + top]:
        row = row_of(state.drive, item)
        if expand:
            row["thumbnails"] = thumbnail_sets(state, item, None, True)
        rows.append(selected(row, call.query.get("$select")))
    body: dict[str, Any] = {"value": rows}
    if start + top < len(listing):
        body["@odata.nextLink"] = _link(state, call, "$skiptoken", str(start + top))
    return Answer.of(body, units=2)


def _link(state: State, call: Call, name: str, value: str) -> str:
    kept = {k: v for k, v in call.query.items() if k not in (name, "token", "$skiptoken")}
    query = "&".join(f"{k}={quote(v, safe='')}" for k, v in {**kept, name: value}.items())
    url = f"{state.base}{call.path}?{query}"
    state.handed_out.add(url.partition("/v1.0")[2])
    return url


def _delta(state: State, call: Call, place: Place) -> Answer:
    item = alive(state, call, place)
    if state.flavour.drive_type == "business" and item.parent:
        raise GraphError(400, "invalidRequest", "Delta is only supported at the root of a drive.")
    expand = "thumbnails" in call.query.get("$expand", "")
    if expand and not state.flavour.expand_thumbnails:
        raise GraphError(400, "badArgument", "The expand is not supported on this account.")
    inline = re.search(r"token='([^']*)'", place.tail)
    token = inline[1] if inline else call.query.get("token") or call.query.get("$skiptoken")
    top = int(call.query["$top"]) if "$top" in call.query else None
    rows, following, resting = _page(state, token, top)
    if expand:
        for row in rows:
            if "file" in row and "deleted" not in row:
                row["thumbnails"] = thumbnail_sets(state, state.drive.items[row["id"]], None, True)
    body: dict[str, Any] = {"value": [selected(row, call.query.get("$select")) for row in rows]}
    if following:
        body["@odata.nextLink"] = _link(state, call, state.flavour.page_parameter, following)
    else:
        body["@odata.deltaLink"] = _link(state, call, "token", resting or "")
    return Answer.of(body, units=1 if token else 2)


def _page(state: State, token: str | None, top: int | None) -> tuple[list[dict[str, Any]], str | None, str | None]:
    try:
        return state.feed.page(token, top)
    except GraphError as error:
        if error.status == 410:
            fresh = "bad" if state.quirks.bad_resync_location else ""
            error.headers["Location"] = f"{state.base}/v1.0/me/drive/root/delta?token={fresh}"
        raise


def thumbnail_sets(state: State, item: Item, select: str | None, upright: bool) -> list[dict[str, Any]]:
    """One set with the sizes asked for, or none for what has no rendering."""
    if item.content is None or item.id in state.quirks.no_thumbnails or not _pictured(item):
        return []
    names = [name for name in (select.split(",") if select else SIZES) if name != "id"]
    return [{"id": "0", **{name: _thumbnail(state, item, name, upright) for name in names}}]


def _pictured(item: Item) -> bool:
    assert item.content is not None
    return item.content.size > 0 and (bool(item.content.known_digest) or item.content.thumbnail(96) is not None)


def _thumbnail(state: State, item: Item, name: str, upright: bool) -> dict[str, Any]:
    custom = CUSTOM.match(name)
    crop = bool(custom and custom[3]) or name.endswith("Square")
    plain = name.removesuffix("Square")
    if custom:
        edge = max(int(custom[1]), int(custom[2]))
    elif plain in SIZES:
        edge = SIZES[plain]
    else:
        raise GraphError(400, "invalidRequest", "The thumbnail size is unknown.")
    if crop and not state.flavour.crop:
        raise GraphError(400, "invalidRequest", NO_CROP)
    edge = edge * 5 // 4 if state.quirks.bigger_thumbnails else edge
    return {"url": state.ticket(item, edge, crop, upright), "width": edge, "height": edge}


def _thumbnails(state: State, call: Call, place: Place) -> Answer:
    item = alive(state, call, place)
    parts = place.tail.split("/")
    upright = call.query.get("originalOrientation", "").lower() != "true"
    if len(parts) == 1:
        select = call.query.get("select") or call.query.get("$select")
        return Answer.of({"value": thumbnail_sets(state, item, select, upright)})
    if len(parts) >= 3 and CUSTOM.match(parts[2]):
        raise GraphError(500, "InternalServerError", "The Path property must end with the navigation property")
    sets = thumbnail_sets(state, item, parts[2] if len(parts) > 2 else None, upright)
    if not sets:
        raise GraphError(404, "itemNotFound", "The thumbnail could not be found.")
    if parts[-1] == "content":
        return Answer(302, headers={"Location": sets[0][parts[2]]["url"]})
    return Answer.of(sets[0][parts[2]] if len(parts) > 2 else sets[0])


def _content(state: State, call: Call, place: Place) -> Answer:
    item = alive(state, call, place)
    if item.content is None:
        raise GraphError(400, "invalidRequest", "A folder has no content.")
    return Answer(302, headers={"Location": state.ticket(item)})
