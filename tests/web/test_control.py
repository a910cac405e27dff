"""What a person starts and changes from the page besides deciding: scans, jobs, a photo of a plan, what is learned."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.job_model import JobConfig
from dedupe_app.library import Library
from dedupe_app.web.desk import Desk
from dedupe_app.web.house import begin_scan
from dedupe_core.model import Silent
from dedupe_core.thumbs import EDGE
from tests.web.conftest import Page
from tests.web.demo_place import demo_config, demo_place
from tests.web.many import desk_of_many


def of_relation(page: Page, relation: str) -> Any:
    return next(group for group in page.get("/groups")["items"] if group["relation"] == relation)


def test_a_copy_that_was_looked_at_and_accepted_is_an_approval_and_undo_takes_it_back(page: Page) -> None:
    before = page.get("/learn")["answers"].get("same", 0)
    group = of_relation(page, "near")
    said = page.accept(group)
    gone = sum(not photo["keep"] for photo in group["photos"])
    assert page.get("/learn")["answers"]["same"] == before + gone
    page.post("/undo", {"undo_token": said["undo_token"]})
    assert page.get("/learn")["answers"].get("same", 0) == before


def test_what_was_accepted_in_bulk_teaches_nothing(page: Page) -> None:
    before = page.get("/learn")["answers"]
    body = {"filter": {"lane": "same"}, "verb": "accept"}
    dry = page.post("/decisions/bulk", body)
    assert dry["groups"] > 5
    page.post("/decisions/bulk", {**body, "dry_run": False, "expected_groups": dry["groups"]})
    assert page.get("/learn")["answers"] == before


def test_the_best_of_a_burst_is_no_word_about_copies(page: Page) -> None:
    group = of_relation(page, "series")
    before = page.get("/learn")["answers"]
    page.accept(group, [group["photos"][0]["id"]])
    assert page.get("/learn")["answers"] == before


def test_a_photo_that_a_person_spares_is_not_in_the_plan_any_more(page: Page) -> None:
    group = next(one for one in page.get("/groups")["items"] if sum(not p["keep"] for p in one["photos"]) > 1)
    page.accept(group)
    plan = page.post("/plans")
    (first, *rest) = page.get(f"/plans/{plan['id']}/items")["items"]
    again = page.post(f"/plans/{plan['id']}/spare", {"number": first["number"]})
    left = page.get(f"/plans/{again['id']}/items")["items"]
    assert [step["photo"] for step in left] == [step["photo"] for step in rest]
    page.post(f"/plans/{plan['id']}/spare", {"number": first["number"]}, status=409)
    page.post(f"/plans/{again['id']}/spare", {"number": 999}, status=409)


def test_an_act_is_called_by_a_photo_that_stays(page: Page) -> None:
    group = of_relation(page, "exact")
    page.accept(group)
    assert page.get("/decisions")["items"][0]["name"] in {photo["name"] for photo in group["photos"] if photo["keep"]}


def test_without_a_model_the_page_says_so_and_without_leave_it_starts_none(page: Page, desk: Desk) -> None:
    told = page.get("/similar")
    assert (told["able"], told["off"], told["seen"]) == (False, False, 0)
    page.post("/similar/scan", {"threshold": 2}, status=422)
    embedding = desk.config.settings.embedding.model_copy(update={"mode": "off"})
    settings = desk.config.settings.model_copy(update={"embedding": embedding})
    desk.config = desk.config.model_copy(update={"settings": settings})
    assert "embedding.mode" in page.post("/similar/scan", {"threshold": 0.9}, status=409)["error"]


def test_a_job_of_the_configuration_runs_from_the_page(page: Page, desk: Desk) -> None:
    page.post("/service/nightly/run", status=404)
    config = demo_config(demo_place())
    jobs = (JobConfig(name="nightly", action="nothing"),)
    desk.config = config.model_copy(update={"jobs": jobs})
    desk.library.config = desk.config
    ended = page.finished(page.post("/service/nightly/run", status=202))
    assert (ended["state"], ended["result"]["state"]) == ("done", "done"), ended
    (told,) = page.get("/service")
    assert (told["name"], told["state"]) == ("nightly", "done")


@pytest.fixture
def small(tmp_path: Path) -> Config:
    """Two equal files that nobody scanned yet."""
    from PIL import Image

    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a.png", "b.png"):
        Image.linear_gradient("L").resize((200, 150)).save(root / name)
    source = SourceConfig(name="photos", kind="local", options={"path": str(root)})
    return Config(data=tmp_path / "data", sources=(source,))


def test_the_first_groups_are_there_while_the_rest_is_still_compared(small: Config) -> None:
    class Watching(Silent):
        seen: dict[str, list[str]]

        def stage(self, name: str, total: int | None) -> None:
            self.seen[name] = [choice.group.relation for choice in library.store.runs.choices()]

    with Library.open(small) as library:
        watching = Watching()
        watching.seen = {}
        library.scan(progress=watching)
    assert watching.seen["listing"] == []
    assert watching.seen["grouping"] == ["exact"], watching.seen


def test_a_scan_that_the_page_begins_fills_its_shelf(small: Config) -> None:
    desk = Desk(Loaded(small, None, {}), small)
    try:
        job = begin_scan(desk, None)
        desk.jobs.close(60)
        assert job.state in ("done", "stopped"), job.error
        if job.state == "done":
            with desk.shelf() as shelf:
                assert len(shelf.cards) == 1
            with desk.store_lock() as library:
                photos = list(library.store.assets.all())
            assert all(desk.darkroom.kept(photo, EDGE) for photo in photos), "from the decode of the scan itself"
    finally:
        desk.close()


def test_a_page_of_a_hundred_groups_is_at_most_fifteen_kilobytes(tmp_path: Path) -> None:
    from dedupe_app.web import cards
    from dedupe_app.web.sieve import Wanted, sieved
    from dedupe_app.web.telling import lean

    desk = desk_of_many(tmp_path / "data", 400)
    try:
        with desk.shelf() as shelf:
            ids = sieved(shelf.cards.values(), Wanted(status="all"), {})
            for start in range(0, 400, 100):
                part = cards.shown(desk.library, shelf, ids[start : start + 100])
                body = json.dumps(lean([group.model_dump() for group in part]), separators=(",", ":"))
                assert len(part) == 100
                assert len(gzip.compress(body.encode(), 6)) <= 15_000
    finally:
        desk.close()
