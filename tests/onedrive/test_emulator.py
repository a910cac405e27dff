"""The emulator behaves as Graph was documented and recorded; a fake that is too kind proves nothing."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from PIL import Image

from dedupe_app.demo.graph.wire import Call
from tests.fakes.graph import BUSINESS, PERSONAL, Content, Flavour, GraphFake, oriented, picture
from tests.fakes.graph.openapi import Description

Reply = tuple[int, Any, dict[str, str]]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


def ask(graph: GraphFake, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """One request as somebody who is signed in."""
    url = path if path.startswith("http") else graph.url + path
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if url.startswith(graph.url):
        named = {"Authorization": f"Bearer {graph.state.token()}", **named}
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **named}, method=method)
    try:
        with _OPENER.open(request) as response:
            status, raw, got = response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        status, raw, got = error.code, error.read(), dict(error.headers)
    kind = got.get("Content-Type", "")
    return status, json.loads(raw) if "json" in kind and raw else raw, got


@pytest.fixture
def free(flavour: Flavour):  # type: ignore[no-untyped-def]
    """An emulator whose requests nobody checks: these tests send wrong ones on purpose."""
    with GraphFake(flavour) as graph:
        yield graph


def test_names_are_found_without_case_and_percent_signs_are_decoded_once(free: GraphFake) -> None:
    free.drive.put("Pictures/IMG #1.jpg", b"one")
    free.drive.put("Pictures/%41.jpg", b"two")
    assert ask(free, "GET", "/me/drive/root:/pictures/img%20%231.JPG")[1]["name"] == "IMG #1.jpg"
    assert ask(free, "GET", "/me/drive/root:/Pictures/%2541.jpg")[1]["name"] == "%41.jpg"
    assert ask(free, "GET", "/me/drive/root:/Pictures/%41.jpg")[0] == 404
    item = free.drive.find("Pictures/%41.jpg")
    assert item is not None
    assert ask(free, "GET", f"/me/drive/items/{item.id.replace('!', '%21')}")[0] == 200


def test_a_stale_tag_is_refused_and_a_move_without_times_resets_them(free: GraphFake) -> None:
    item = free.drive.put("Pictures/a.jpg", b"one", modified=1e9)
    target = free.drive.folder("Pictures/duplicates")
    body = {"parentReference": {"id": target.id}}
    status, answer, _ = ask(free, "PATCH", f"/me/drive/items/{item.id}", body, If_Match='"old"')
    assert (status, answer["error"]["code"]) == (412, "resourceModified")
    assert ask(free, "PATCH", f"/me/drive/items/{item.id}", body, If_Match=free.drive.etag(item))[0] == 200
    assert item.fs_modified > 1.7e9


def test_a_taken_name_is_409_and_replace_really_replaces(free: GraphFake) -> None:
    one, two = free.drive.put("a/x.jpg", b"1"), free.drive.put("b/x.jpg", b"2")
    body = {"parentReference": {"id": two.parent}}
    assert ask(free, "PATCH", f"/me/drive/items/{one.id}", body)[0] == 409
    assert ask(free, "PATCH", f"/me/drive/items/{one.id}?@microsoft.graph.conflictBehavior=replace", body)[0] == 200
    assert two.deleted


def test_the_recycle_bin_gives_back_on_personal_accounts_only(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", b"1")
    assert ask(free, "DELETE", f"/me/drive/items/{item.id}")[0] == 204
    assert ask(free, "GET", f"/me/drive/items/{item.id}")[0] == 404
    free.drive.put("a/x.jpg", b"other")
    personal = free.state.flavour is PERSONAL
    assert ask(free, "GET", f"/me/drive/items/{item.id}?includeDeletedItems=true")[0] == (200 if personal else 404)
    assert ask(free, "POST", f"/me/drive/items/{item.id}/restore", {})[0] == (409 if personal else 501)
    assert ask(free, "POST", f"/me/drive/items/{item.id}/restore", {"name": "y.jpg"})[0] == (200 if personal else 501)


def test_the_feed_repeats_items_stale_first_and_tombstones_lack_what_the_flavour_omits(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", b"1")
    free.feed.noise.stale = 9
    rows = ask(free, "GET", "/me/drive/root/delta")[1]["value"]
    mine = [row for row in rows if row["id"] == item.id]
    assert mine[0]["name"].startswith("stale ")
    assert [row["name"] for row in mine[1:]] == ["x.jpg"]
    link = ask(free, "GET", "/me/drive/root/delta")[1]["@odata.deltaLink"]
    free.drive.recycle(item)
    (row,) = ask(free, "GET", link)[1]["value"]
    assert row["deleted"]
    assert ("name" in row, "size" in row) == ((True, False) if free.state.flavour is PERSONAL else (False, True))


def test_pages_hold_seven_rows_when_there_are_deletes(free: GraphFake) -> None:
    link = ask(free, "GET", "/me/drive/root/delta?token=latest")[1]["@odata.deltaLink"]
    for number in range(9):
        free.drive.recycle(free.drive.put(f"a/{number}.jpg", b"1"))
    page = ask(free, "GET", link)[1]
    assert len(page["value"]) == 7
    assert "@odata.nextLink" in page
    free.feed.expire()
    assert ask(free, "GET", link)[0] == 410


def test_children_are_paged_by_offset_so_that_moving_meanwhile_skips_items(free: GraphFake) -> None:
    for number in range(6):
        free.drive.put(f"a/{number}.jpg", b"1")
    folder = free.drive.folder("a")
    first = ask(free, "GET", f"/me/drive/items/{folder.id}/children?$top=3")[1]
    one = free.drive.items[first["value"][0]["id"]]
    free.drive.relocate(one, free.drive.folder("b"), one.name)
    second = ask(free, "GET", first["@odata.nextLink"])[1]
    assert [row["name"] for row in second["value"]] == ["4.jpg", "5.jpg"]


def test_thumbnails_are_upright_renderings_and_urls_differ_expire_and_refuse_credentials(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", oriented(1, 6, 640, 480))
    path = f"/me/drive/items/{item.id}/thumbnails"
    (one,), (two,) = ask(free, "GET", path)[1]["value"], ask(free, "GET", path)[1]["value"]
    assert one["medium"]["url"] != two["medium"]["url"]
    status, data, _ = ask(free, "GET", one["medium"]["url"])
    assert status == 200
    assert Image.open(io.BytesIO(data)).size == (132, 176)
    assert ask(free, "GET", one["large"]["url"], Authorization="Bearer x")[0] == 401
    free.clock.advance(4000)
    assert ask(free, "GET", one["large"]["url"])[0] == 401
    assert ask(free, "GET", f"{path}/0/c350x350")[0] == 500
    assert ask(free, "GET", f"{path}/0/small/content")[0] == 302
    crop = ask(free, "GET", f"{path}?select=c350x350_Crop")[0]
    assert crop == (200 if free.state.flavour is PERSONAL else 400)
    expand = ask(free, "GET", f"/me/drive/items/{item.parent}/children?$expand=thumbnails")[0]
    assert expand == (200 if free.state.flavour is PERSONAL else 400)
    other = free.drive.put("a/x.txt", b"text")
    assert ask(free, "GET", f"/me/drive/items/{other.id}/thumbnails")[1]["value"] == []
    free.accounting.credentials_at_content = 0


def test_a_live_photo_is_delivered_shorter_than_listed(free: GraphFake) -> None:
    still = picture(1)
    item = free.drive.put("a/x.heic", Content(still, movie=b"movie" * 1000))
    row = ask(free, "GET", f"/me/drive/items/{item.id}")[1]
    assert row["size"] == len(still) + 5000
    assert ask(free, "GET", row["@microsoft.graph.downloadUrl"])[1] == still
    status, part, headers = ask(free, "GET", row["@microsoft.graph.downloadUrl"], Range="bytes=0-9")
    assert (status, part, headers["Content-Range"]) == (206, still[:10], f"bytes 0-9/{len(still)}")


def test_a_batch_is_at_most_twenty_in_any_order_and_knows_dependencies(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", b"1")
    good = {"id": "1", "method": "GET", "url": f"/me/drive/items/{item.id}"}
    bad = {"id": "2", "method": "GET", "url": "/me/drive/items/none"}
    after = {"id": "3", "method": "GET", "url": f"/me/drive/items/{item.id}", "dependsOn": ["2"]}
    content = {"id": "4", "method": "GET", "url": f"/me/drive/items/{item.id}/content"}
    answers = ask(free, "POST", "/$batch", {"requests": [good, bad, after, content]})[1]["responses"]
    assert {one["id"]: one["status"] for one in answers} == {"1": 200, "2": 404, "3": 424, "4": 302}
    many = [{"id": str(n), "method": "GET", "url": "/me/drive"} for n in range(21)]
    assert ask(free, "POST", "/$batch", {"requests": many})[0] == 400


def test_an_upload_replaces_by_default_makes_parents_and_can_be_told_to_fail(free: GraphFake) -> None:
    assert ask(free, "PUT", "/me/drive/root:/new/deep/a.csv:/content", b"1")[0] == 201
    assert ask(free, "PUT", "/me/drive/root:/new/deep/a.csv:/content", b"2")[0] == 200
    fail = "/me/drive/root:/new/deep/a.csv:/content?@microsoft.graph.conflictBehavior=fail"
    assert ask(free, "PUT", fail, b"3")[0] == 409
    free.drive.full = True
    assert ask(free, "PUT", "/me/drive/root:/new/deep/b.csv:/content", b"1")[0] == 507
    item = free.drive.find("new/deep/a.csv")
    assert item is not None
    item.locked = True
    assert ask(free, "PATCH", f"/me/drive/items/{item.id}", {"name": "c.csv"})[0] == 423


def test_a_reader_may_not_write_and_a_stranger_may_not_read(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", b"1")
    reader = f"Bearer {free.state.token('Files.Read')}"
    assert ask(free, "GET", f"/me/drive/items/{item.id}", Authorization=reader)[0] == 200
    assert ask(free, "PATCH", f"/me/drive/items/{item.id}", {"name": "y"}, Authorization=reader)[0] == 403
    assert ask(free, "GET", f"/me/drive/items/{item.id}", Authorization="Bearer no")[0] == 401


def test_requests_in_a_throttle_window_and_permanent_deletes_are_counted(free: GraphFake) -> None:
    item = free.drive.put("a/x.jpg", b"1")
    free.weather.add("status", status=429, headers={"Retry-After": "30"})
    assert ask(free, "GET", "/me/drive")[0] == 429
    until, since = free.accounting.closed["graph"]
    free.accounting.closed["graph"] = until, since - 1
    ask(free, "GET", "/me/drive")
    assert free.accounting.inside_window == 1
    free.clock.advance(30)
    ask(free, "POST", f"/me/drive/items/{item.id}/permanentDelete")
    assert (free.accounting.inside_window, free.accounting.permanent_deletes) == (1, 1)


WRONG = [
    ("GET", "/me/drive/items/x/childs", {}, "no such address"),
    ("POST", "/me/drive/items/x", {"name": "y"}, "no such operation"),
    ("GET", "/me/drive/items/x?$filters=1", None, "not declared"),
    ("PATCH", "/me/drive/items/x", {"parentReference": "y"}, "y"),
    ("PATCH", "/me/drive/items/x", {"nmae": "y"}, "nmae"),
    ("PATCH", "/me/drive/items/x", {"fileSystemInfo": {"lastModifiedDateTime": "2024-01-01 10:00"}}, "2024"),
    ("PUT", "/me/drive/root:/a/b.:/content?@microsoft.graph.conflictBehavior=fail", b"x", "b."),
    ("PUT", "/me/drive/root:/a/b:/content?@microsoft.graph.conflictBehavior=keep", b"x", "keep"),
    ("POST", "/$batch", {"requests": [{"id": "1", "method": "GET", "url": "https://x/y"}]}, "no such address"),
]


@pytest.mark.parametrize(("method", "target", "body", "says"), WRONG)
def test_wrong_requests_are_found(
    description: Description | None, method: str, target: str, body: Any, says: str
) -> None:
    if description is None:
        pytest.skip("no OpenAPI description beside the checkout")
    path, _, query = target.partition("?")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    found = description.check(Call(method, "/v1.0" + path, query, {"Content-Type": kind}, raw))
    assert any(says in one for one in found), found


def test_both_flavours_keep_their_own_hashes_and_tags() -> None:
    for flavour, names in ((PERSONAL, {"quickXorHash", "sha1Hash", "sha256Hash"}), (BUSINESS, {"quickXorHash"})):
        with GraphFake(flavour) as graph:
            item = graph.drive.put("a/x.jpg", b"1")
            row = ask(graph, "GET", f"/me/drive/items/{item.id}")[1]
            assert set(row["file"]["hashes"]) == names
            folder = ask(graph, "GET", f"/me/drive/items/{item.parent}")[1]
            assert ("cTag" in folder) == (flavour is PERSONAL)
