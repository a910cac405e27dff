"""A list shows what was asked for, whatever was asked together, and offers what there is to ask for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.library import Library
from dedupe_app.web.desk import Desk
from dedupe_app.web.shelf import Shelf, lay
from dedupe_app.web.sieve import ORDER, Wanted, facets, sieved
from dedupe_core.store.decisions import Trait
from tests.web.conftest import Page
from tests.web.many import desk_of_many

Groups = list[dict[str, Any]]


def folders(group: dict[str, Any]) -> list[str]:
    return [f"/{photo['folder'].strip('/')}/".casefold() for photo in group["photos"]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = desk_of_many(tmp_path_factory.mktemp("many") / "data", 240)
    yield desk
    desk.close()


@pytest.fixture
def shelf(many: Desk) -> Iterator[Shelf]:
    with many.shelf() as shelf:
        yield shelf


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"folder": "whatsapp images"}, lambda g: any("/whatsapp images/" in one for one in folders(g))),
        ({"folder": "/Pictures/2024/"}, lambda g: any("/pictures/2024/" in one for one in folders(g))),
        ({"folder": "Whats"}, lambda g: False),
        ({"relation": "pixels"}, lambda g: g["relation"] == "pixels"),
        ({"min_size": 400_000}, lambda g: max(photo["size"] for photo in g["photos"]) >= 400_000),
        ({"min_bytes": 90_000, "relation": "near"}, lambda g: g["bytes"] >= 90_000 and g["relation"] == "near"),
        ({"min_score": 0.9}, lambda g: g["score"] is None or g["score"] >= 0.9),
        ({"q": "crop", "lane": "same"}, lambda g: any("crop" in str(photo).casefold() for photo in g["photos"])),
        ({"people": True}, lambda g: False),
    ],
)
def test_a_list_shows_the_groups_that_fit_and_all_of_them(
    page: Page, query: dict[str, Any], holds: Callable[[dict[str, Any]], bool]
) -> None:
    lane = query.get("lane", "")
    whole: Groups = page.get("/groups", status="all", **({"lane": lane} if lane else {}))["items"]
    found: Groups = page.get("/groups", status="all", **query)["items"]
    assert {group["id"] for group in found} == {group["id"] for group in whole if holds(group)}


def test_a_pair_of_formats_finds_the_groups_that_hold_both(page: Page) -> None:
    offered = page.get("/facets", lane="same")["formats"]
    pairs = [one for one in offered if "," in one["value"]]
    assert pairs, "the demo gallery has a picture in two formats"
    for pair in pairs:
        found = page.get("/groups", lane="same", formats=pair["value"])
        assert found["total"] >= pair["groups"] >= 1
        for group in found["items"]:
            seen = {fact["value"] for photo in group["photos"] for fact in photo["facts"] if fact["name"] == "format"}
            assert set(pair["value"].split(",")) <= seen
    assert page.get("/groups", formats="PSD,JPEG")["total"] == 0


def test_months_are_those_of_the_capture_times(page: Page) -> None:
    months = page.get("/facets", lane="identical")["taken"]
    assert months == sorted(months, key=lambda one: one["value"], reverse=True)
    for month in months[:3]:
        assert page.get("/groups", lane="identical", taken=month["value"])["total"] == month["groups"]
        year = page.get("/groups", lane="identical", taken=month["value"][:4])["total"]
        assert year >= month["groups"]
    assert page.client.get("/api/v1/groups", params={"taken": "June"}).status_code == 422


def test_a_filtered_list_pages_like_any_other_and_stays(page: Page) -> None:
    asked = {"folder": "old disk", "status": "all"}
    whole = page.get("/groups", **asked)
    seen, cursor = [], ""
    while True:
        part = page.get("/groups", limit=2, **({"cursor": cursor} if cursor else asked))
        seen += [group["id"] for group in part["items"]]
        cursor = part["next"]
        if not cursor:
            break
    assert seen == [group["id"] for group in whole["items"]]


def test_what_is_accepted_in_bulk_is_what_the_filter_shows(page: Page) -> None:
    shown = page.get("/groups", lane="same", folder="whatsapp images")
    dry = page.post("/decisions/bulk", {"filter": {"lane": "same", "folder": "whatsapp images"}, "verb": "accept"})
    assert dry["groups"] + dry["left_open"] == shown["total"] > 0
    assert dry["bytes"] == sum(group["bytes"] for group in shown["items"])


def test_an_unknown_filter_is_refused_and_not_passed_over(page: Page) -> None:
    assert page.client.get("/api/v1/groups", params={"yaer": "2024"}).status_code == 422
    page.post("/decisions/bulk", {"filter": {"lane": "same", "colour": "red"}, "verb": "accept"}, status=422)


@pytest.mark.parametrize("sort", [one for one in ORDER if one != "decided"])
def test_every_order_is_one_and_keeps_every_group(shelf: Shelf, sort: str) -> None:
    cards = list(shelf.cards.values())
    once = sieved(cards, Wanted(status="all", sort=sort), {})
    assert once == sieved(reversed(cards), Wanted(status="all", sort=sort), {})
    assert set(once) == set(shelf.cards)
    keys = [ORDER[sort](shelf.cards[one]) for one in once]
    assert keys == sorted(keys)


def test_an_album_a_person_and_a_keyword_are_found_as_the_source_gave_them(shelf: Shelf) -> None:
    cards = list(shelf.cards.values())
    first, second = cards[0].members[0].row, cards[1].members[1].row
    traits = {
        first: Trait(first, "a.jpg", "Pictures", ("Sommer 2019", "Oma"), 2, "HEIC", ("Anna", "Oma")),
        second: Trait(second, "b.jpg", "Pictures", ("Oma",), 0, "JPEG", ("Annabelle",)),
    }
    oma = Wanted(status="all", label="oma")
    assert set(sieved(cards, oma, traits)) == {cards[0].group.id, cards[1].group.id}
    assert sieved(cards, Wanted(status="all", label="sommer"), traits) == [cards[0].group.id]
    assert sieved(cards, Wanted(status="all", people=True), traits) == [cards[0].group.id]
    known = facets(cards, traits)
    assert known.labels == {"Oma": 2, "Sommer 2019": 1}
    assert known.people == 1
    anna = Wanted(status="all", person="anna")
    assert sieved(cards, anna, traits) == [cards[0].group.id], "Annabelle is somebody else"
    assert not sieved(cards, Wanted(status="all", person="Sommer 2019"), traits), "an album is nobody"
    assert known.persons == {"Anna": 1, "Oma": 1, "Annabelle": 1}


def test_labels_and_faces_come_from_the_store_as_the_source_listed_them(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    Image.effect_noise((160, 120), 50).convert("RGB").save(root / "one.png")
    shutil.copy2(root / "one.png", root / "two.png")
    config = Config(
        data=tmp_path / "data", sources=(SourceConfig(name="photos", kind="local", options={"path": str(root)}),)
    )
    with Library.open(config) as library:
        library.scan()
        db = library.store.db
        facts = "json_set(facts, '$.labels', json('[\"Oma\"]'), '$.faces', 1, '$.people', json('[\"Anna\"]'))"
        db.execute(f"UPDATE asset SET facts = {facts} WHERE name = ?", (b"one.png",))
        run = lay(library.store).run
        traits = {trait.name: trait for trait in library.store.decisions.traits(run)}
    assert (traits["one.png"].labels, traits["one.png"].faces) == (("Oma",), 1)
    assert (traits["two.png"].labels, traits["two.png"].format) == ((), "PNG")
    assert (traits["one.png"].people, traits["two.png"].people) == (("Anna",), ())
    desk = Desk(Loaded(config, None, {}), config)
    try:
        assert desk.facets("identical", "open").labels == {"Oma": 1}
        assert len(desk.sieved(Wanted(label="OMA"))) == 1
        assert desk.facets("identical", "open").persons == {"Anna": 1}
        assert len(desk.sieved(Wanted(person="ANNA"))) == 1
        assert not desk.sieved(Wanted(person="Ann"))
    finally:
        desk.close()


def test_a_month_is_that_of_the_clock_of_the_camera(shelf: Shelf) -> None:
    card = next(card for card in shelf.cards.values() if card.members[0].taken is not None)
    taken = card.members[0].taken
    assert taken is not None
    asked = f"{datetime.fromtimestamp(taken, UTC):%Y-%m}"
    assert card.group.id in sieved([card], Wanted(status="all", taken=asked), {})
    assert not sieved([card], Wanted(status="all", taken="1901"), {})
