"""Finding groups, looking closely at more than two photos, reading it in German, and coming in by a password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.library import Library
from dedupe_app.web import door
from dedupe_app.web.desk import Desk
from dedupe_app.web.door import Door, hashed
from dedupe_app.web.server import Server, serving
from tests.browser.conftest import Open, served
from tests.browser.test_review_page import LOOKS, deck, until
from tests.web.demo_place import demo_desk

SAID = """async () => { const {deck} = await import('/static/deck.js');
  const {say, tongue} = await import('/static/words.js'); const found = [];
  for (const page of deck.pages.values()) for (const group of page) {
    found.push(['reason', group.reason, say(group, 'reason'), tongue(group, 'reason') ?? '']);
    for (const photo of group.photos) for (const field of ['why', 'evidence'])
      if (say(photo, field)) found.push([field, photo[field], say(photo, field), tongue(photo, field) ?? '']); }
  return found; }"""
MIDDLES = """() => [...document.querySelectorAll('.pane')].map((pane) => { const p = pane.getBoundingClientRect();
  const i = pane.querySelector('img[data-layer]').getBoundingClientRect();
  return [(p.x + p.width / 2 - i.x) / i.width, (p.y + p.height / 2 - i.y) / i.height]; })"""
LENSES = """() => [...document.querySelectorAll('.lens')].map((lens) => { const l = lens.getBoundingClientRect();
  const i = lens.querySelector('img').getBoundingClientRect();
  return [(l.x + l.width / 2 - i.x) / i.width, (l.y + l.height / 2 - i.y) / i.height, i.width]; })"""


def total(page: Any) -> int:
    until(page, "!(await import('/static/deck.js')).deck.loading")
    return int(deck(page, "deck.total"))


def test_a_filter_is_set_by_keyboard_stands_in_the_address_and_is_gone_back_from(visit: Open) -> None:
    window = visit()
    page = window.review("same")
    whole = total(page)
    page.keyboard.press("f")
    page.wait_for_selector(".panel select")
    assert page.evaluate("document.activeElement.closest('.panel') !== null")
    page.select_option(".panel [name=formats]", "JPEG,PNG")
    until(page, "location.hash.includes('formats=JPEG%2CPNG')")
    one = total(page)
    assert 0 < one < whole
    assert "JPEG + PNG" in page.inner_text(".asked")
    page.fill(".panel [name=folder]", "Pictures")
    page.keyboard.press("Tab")
    until(page, "location.hash.includes('folder=Pictures')")
    both = total(page)
    kept = page.evaluate("location.href")
    page.go_back()
    until(page, "!location.hash.includes('folder')")
    assert total(page) == one
    page.goto("about:blank")
    page.goto(kept)
    page.wait_for_selector(".asked .chip")
    assert total(page) == both
    assert page.locator(".asked .chip").count() == 3


def test_the_search_field_keeps_what_is_typed_and_the_order_is_kept_in_the_address(visit: Open) -> None:
    page = visit().review("same")
    whole = total(page)
    page.keyboard.press("/")
    page.keyboard.type("crop")
    until(page, "location.hash.includes('q=crop')")
    assert 0 < total(page) < whole
    assert page.evaluate("document.activeElement.value") == "crop"
    page.select_option(".filters > select", "doubt")
    until(page, "location.hash.includes('sort=doubt')")
    scores = deck(page, "[...deck.pages.values()].flat().map((group) => group.score ?? 1)")
    assert scores == sorted(scores)


def test_a_person_that_a_source_names_is_offered_by_name(visit: Open, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for number, people in enumerate((["Anna"], ["Anna", "Ben"], ["Annabelle"], [])):
        for folder in ("one", "two"):
            file = root / folder / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((160, 120), 40 + number).save(file)
            told = {"photoTakenTime": {"timestamp": "1717236000"}, "people": [{"name": name} for name in people]}
            file.with_name(f"{file.name}.json").write_text(json.dumps(told), "utf-8")
        (root / "two" / f"{number}.png").write_bytes((root / "one" / f"{number}.png").read_bytes())
    sources = (SourceConfig(name="takeout", kind="local", options={"path": str(root)}),)
    config = Config(data=tmp_path / "data", sources=sources)
    with Library.open(config) as library:
        library.scan()
    with served(Desk(Loaded(config, None, {}), config)) as server:
        page = visit(server, locale="de-DE").review("identical")
        assert total(page) == 4
        page.keyboard.press("f")
        page.wait_for_selector(".panel [name=person]")
        offered = page.locator(".panel [name=person] option").all_inner_texts()
        assert offered == ["beliebig", "Anna (2 Gruppen)", "Annabelle (1 Gruppe)", "Ben (1 Gruppe)"]
        page.select_option(".panel [name=person]", "Anna")
        until(page, "location.hash.includes('person=Anna')")
        assert total(page) == 2
        assert "Person: Anna" in page.inner_text(".asked")
        page.reload()
        page.wait_for_selector(".asked .chip")
        assert total(page) == 2


def test_accept_all_takes_what_the_filter_shows_and_no_more(visit: Open) -> None:
    window = visit()
    page = window.review("identical")
    page.goto(f"{window.server.base}/#/review/identical?folder=Desktop")
    until(page, "document.querySelectorAll('.asked .chip').length === 1")
    shown = total(page)
    page.keyboard.press("Shift+Enter")
    page.click("dialog.question .primary")
    page.wait_for_selector("group-card .empty")
    assert window.settled()["lanes"]["identical"]["decided"] == shown > 0


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_the_filters_and_the_loupe(visit: Open, look: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    window = visit(**LOOKS[look])
    page = window.review("same")
    page.goto(f"{window.server.base}/#/review/same?taken=2024&min_bytes=1000")
    page.wait_for_selector(".asked .chip")
    page.click('[data-do="filter"]')
    page.wait_for_selector(".panel select")
    found = {"filters": axe.run(page)}
    window.review("sets")
    page.keyboard.press("c")
    page.wait_for_selector("compare-dialog table")
    page.keyboard.press("l")
    page.wait_for_selector(".lens")
    found["loupe"] = axe.run(page)
    wrong = {
        name: [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in one.response["violations"]]
        for name, one in found.items()
    }
    assert not {name: bad for name, bad in wrong.items() if bad}


@pytest.mark.parametrize("lane", ["identical", "same", "similar", "sets"])
def test_reasons_are_german_on_a_german_page(visit: Open, lane: str) -> None:
    page = visit(locale="de-DE").review(lane)
    for field, english, german, tongue in page.evaluate(SAID):
        assert german, field
        assert tongue == "", f"{field}: {english}"
        assert german != english, f"{field}: {english}"
        assert " against " not in german
        assert "{" not in german


def test_a_refusal_and_the_rules_are_german_on_a_german_page(visit: Open) -> None:
    window = visit(locale="de-DE")
    page = window.go("rules")
    page.wait_for_selector("ol.rules li")
    assert "geht vor" in page.inner_text("ol.rules")
    assert " beats " not in page.inner_text("rules-screen")
    other = visit().review("same")
    window.review("same")
    other.keyboard.press("n")
    until(other, "!(await import('/static/deck.js')).deck.queue.length")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast [role=alert]")
    assert "inzwischen geändert" in page.inner_text(".toast")
    window.go("settings")
    page.wait_for_selector("p.check")
    doctor = page.inner_text("settings-screen")
    assert "unversehrt" in doctor
    assert "Datenbank" in doctor


def test_four_photos_are_side_by_side_and_move_in_step(visit: Open) -> None:
    window = visit()
    page = window.review("sets")
    assert deck(page, "deck.here.photos.length") == 4
    page.keyboard.press("c")
    until(page, "document.querySelectorAll('.pane').length === 4")
    until(page, "[...document.querySelectorAll('.pane img')].every((image) => image.naturalWidth > 1)")
    for key in ("+", "+", "+"):
        page.keyboard.press(key)
    box = page.locator(".pane").nth(2).bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.wheel(0, -100)
    middles = page.evaluate(MIDDLES)
    for middle in middles[1:]:
        assert middle == pytest.approx(middles[0], abs=0.04), "but for how the shots lie on each other"
    assert page.locator(".facts thead th").count() == 5
    page.keyboard.press("3")
    assert page.locator(".pane").nth(2).get_attribute("class").split().count("trash") == 1


def test_the_loupe_shows_one_place_in_every_picture_while_the_key_is_held(visit: Open) -> None:
    page = visit().review("sets")
    page.keyboard.press("c")
    until(page, "document.querySelectorAll('.pane').length === 4")
    until(page, "[...document.querySelectorAll('.pane img')].every((image) => image.naturalWidth > 320)")
    box = page.locator(".pane").first.bounding_box()
    page.keyboard.down("l")
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.45)
    until(page, "document.querySelectorAll('.lens').length === 4")
    lenses = page.evaluate(LENSES)
    for x, y, wide in lenses:
        assert (x, y) == pytest.approx(lenses[0][:2], abs=0.04), "but for how the shots lie on each other"
        assert wide == pytest.approx(deck(page, "deck.here.photos[0].width"), rel=0.05), "a pixel for a pixel"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(LENSES)[0][0] == pytest.approx(lenses[0][0] + 0.04, abs=0.01)
    page.wait_for_timeout(400)
    page.keyboard.up("l")
    until(page, "!document.querySelector('.lens')")
    page.keyboard.press("l")
    until(page, "document.querySelectorAll('.lens').length === 4")
    page.keyboard.press("l")
    until(page, "!document.querySelector('.lens')")
    assert json.loads(page.get_attribute("compare-dialog", "data-view"))["zoom"] == 1


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(door, "_COST", (2**4, 8, 1))
    desk = demo_desk()
    with serving(desk, "0.0.0.0", Door(hashed("correct horse 7"))) as server:
        yield server
    desk.close()


def test_a_person_comes_in_by_the_password_from_another_address(browser: Any, guarded: Server) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"http://127.0.0.2:{guarded.port}/")
    assert "Passwort" in page.inner_text("label")
    assert axe.run(page).violations_count == 0
    page.fill("#password", "wrong horse")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    page.fill("#password", "correct horse 7")
    page.keyboard.press("Enter")
    page.wait_for_selector("home-screen h1")
    page.goto(f"http://127.0.0.2:{guarded.port}/#/review/identical")
    page.wait_for_selector("group-card figure")
    page.keyboard.press("s")
    until(page, "!(await import('/static/deck.js')).deck.queue.length")
    assert page.locator(".toast [role=alert]").count() == 0
    context.close()
