"""The page as a person uses it, by keyboard, on a gallery that was really scanned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open, served
from tests.web.many import desk_of_many

KEYS = (Path(__file__).parents[2] / "dedupe_app/web/static/keys.js").read_text("utf-8")
SCREENS = ("home", "review/same", "review/sets", "plan", "history", "rules", "learn", "settings")
LOOKS: dict[str, dict[str, Any]] = {
    "light desktop": {"color_scheme": "light"},
    "dark desktop": {"color_scheme": "dark"},
    "light phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "dark phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}
DECK = "async () => { const {deck} = await import('/static/deck.js'); return "


def until(page: Any, holds: str) -> None:
    """Wait until an expression holds, without the eval that the page's policy forbids."""
    page.evaluate(
        f"""async () => {{ const end = Date.now() + 30000;
             while (!({holds})) {{ if (Date.now() > end) throw new Error('still not: ' + {holds!r});
               await new Promise((done) => setTimeout(done, 20)); }} }}"""
    )


def deck(page: Any, what: str) -> Any:
    return page.evaluate(f"{DECK}{what}; }}")


def test_fifty_presses_without_a_pause_decide_exactly_fifty_groups(visit: Open, tmp_path: Path) -> None:
    with served(desk_of_many(tmp_path / "data", 150, "exact")) as server:
        window = visit(server)
        page = window.review("identical")
        page.evaluate(
            """() => { for (let n = 0; n < 50; n += 1)
                 document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true})); }"""
        )
        summary = window.settled()
        assert summary["lanes"]["identical"] == {**summary["lanes"]["identical"], "groups": 100, "decided": 50}
        assert deck(page, "deck.index") == 50
        for _ in range(50):
            page.keyboard.press("u")
        assert window.settled()["lanes"]["identical"]["decided"] == 0


def test_keys_alone_go_through_a_lane(visit: Open) -> None:
    window = visit()
    page = window.review("same")
    page.keyboard.press("j")
    assert deck(page, "deck.index") == 1
    page.keyboard.press("ArrowUp")
    assert deck(page, "deck.index") == 0
    page.keyboard.press("1")
    assert deck(page, "deck.here.photos.map((photo) => photo.keep)")[0] is False or deck(
        page, "deck.here.photos[0].keep"
    )
    page.keyboard.press("a")
    summary = window.settled()
    assert summary["lanes"]["same"]["decided"] == 1
    assert summary["planned_photos"] == 0
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.press("s")
    summary = window.settled()
    assert summary["lanes"]["same"]["decided"] == 4
    assert summary["planned_photos"] >= 1
    for _ in range(4):
        page.keyboard.press("u")
    assert window.settled()["lanes"]["same"]["decided"] == 0
    page.keyboard.press("g")
    page.keyboard.press("s")
    until(page, "location.hash === '#/review/similar'")
    page.keyboard.press("?")
    page.wait_for_selector("settings-screen")


def test_the_last_photo_of_a_group_cannot_be_put_away(visit: Open) -> None:
    page = visit().review("sets")
    page.keyboard.press("b")
    assert deck(page, "deck.here.photos.map((photo) => photo.keep)") == [True, False, False, False]
    page.keyboard.press("1")
    assert deck(page, "deck.here.photos.map((photo) => photo.keep)") == [True, False, False, False]
    assert "stays" in page.inner_text("#announcer")


def test_every_key_of_the_table_is_in_the_legend(visit: Open) -> None:
    page = visit().go("settings")
    page.wait_for_selector("table.legend")
    shown = page.inner_text(".legends")
    actions = set(re.findall(r'action: "(\w+)"', KEYS))
    texts = json.loads((Path(__file__).parents[2] / "dedupe_app/web/static/locales/en.json").read_text("utf-8"))
    assert len(actions) > 20
    for action in actions:
        assert texts[f"key.{action}"] in shown, action


def test_single_keys_can_be_switched_off(visit: Open) -> None:
    window = visit()
    page = window.go("settings")
    page.uncheck(".choices input[type=checkbox]")
    window.review("same")
    page.keyboard.press("a")
    assert window.settled()["lanes"]["same"]["decided"] == 0


def test_a_decision_waits_while_the_server_is_away_and_is_saved_when_it_is_back(visit: Open) -> None:
    window = visit()
    page = window.review("same")
    page.route("**/api/v1/decisions", lambda route: route.abort())
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast .pending")
    assert "not saved" in page.inner_text(".toast")
    page.unroute("**/api/v1/decisions")
    assert window.settled()["lanes"]["same"]["decided"] == 1
    page.wait_for_selector(".toast .pending", state="detached")


def test_a_group_that_changed_meanwhile_is_shown_and_not_decided(visit: Open) -> None:
    window, other = visit(), visit()
    page = window.review("same")
    there = other.review("same")
    there.keyboard.press("n")
    other.settled()
    page.keyboard.press("Enter")
    window.settled()
    page.wait_for_selector(".toast [role=alert]")
    assert "changed meanwhile" in page.inner_text(".toast")


def test_names_with_markup_are_text_on_the_page(visit: Open) -> None:
    page = visit().review("identical")
    for _ in range(17):
        assert not page.query_selector("group-card figcaption .name *")
        page.keyboard.press("j")
    assert "<b>" in page.evaluate(
        "async () => JSON.stringify([...(await import('/static/deck.js')).deck.pages.values()])"
    )


def test_everything_suggested_in_a_lane_is_accepted_after_a_preview(visit: Open) -> None:
    window = visit()
    page = window.review("identical")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("dialog.question")
    assert "17 groups" in page.inner_text("dialog.question")
    page.keyboard.press("Escape")
    assert window.settled()["lanes"]["identical"]["decided"] == 0
    page.keyboard.press("Shift+Enter")
    page.click("dialog.question .primary")
    until(page, "document.querySelector('group-card').textContent.includes('All done')")
    assert window.settled()["lanes"]["identical"]["groups"] == 0
    page.keyboard.press("u")
    page.wait_for_selector("group-card figure")
    assert window.settled()["lanes"]["identical"]["groups"] == 17


def test_a_lane_in_which_all_is_answered_says_so_and_leads_on(visit: Open) -> None:
    window = visit()
    page = window.review("sets")
    page.keyboard.press("a")
    page.wait_for_selector("group-card .empty")
    assert "All done" in page.inner_text("group-card")
    assert "Go on with Identical" in page.inner_text("group-card .primary")
    page.keyboard.press("Enter")
    assert window.settled()["lanes"]["sets"]["decided"] == 1
    page.keyboard.press("u")
    page.wait_for_selector("group-card figure")
    assert window.settled()["lanes"]["sets"]["decided"] == 0


def test_a_turned_copy_is_turned_back_where_it_lies_on_the_other(visit: Open) -> None:
    page = visit().review("same")
    names = "[...deck.pages.values()].flat().findIndex((group) => group.photos[1]?.name === 'turned left.jpg')"
    at = deck(page, names)
    assert at >= 0, "the demo gallery has a turned copy"
    deck(page, f"deck.go({at})")
    page.keyboard.press("c")
    page.wait_for_selector("dialog.compare table")
    boxes = "() => [...document.querySelectorAll('.pane img')].map((one) => one.getBoundingClientRect().toJSON())"
    page.keyboard.press("m")
    page.keyboard.press("m")
    page.keyboard.press("m")
    until(page, "document.querySelector('.compare .note').textContent.includes('turned')")
    until(page, "[...document.querySelectorAll('.pane img')].every((one) => one.naturalWidth > 320)")
    below, above = page.evaluate(boxes)
    assert above == pytest.approx(below, abs=1.5)


def test_a_crop_lies_where_it_was_cut_from(visit: Open) -> None:
    page = visit().review("same")
    at = deck(page, "[...deck.pages.values()].flat().findIndex((group) => group.photos[1]?.name.includes('-crop'))")
    assert at >= 0, "the demo gallery has a cropped copy"
    deck(page, f"deck.go({at})")
    page.keyboard.press("c")
    until(page, "document.querySelector('.compare .note')?.textContent.includes('same part')")
    for _ in range(3):
        page.keyboard.press("m")
    until(page, "[...document.querySelectorAll('.pane img')].every((one) => one.naturalWidth > 320)")
    widths = "[...document.querySelectorAll('.pane img')].map((one) => one.getBoundingClientRect().width)"
    until(page, f"(([below, above]) => above / below < 0.97)({widths})")
    below, above = page.evaluate(
        "() => [...document.querySelectorAll('.pane img')].map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert 0.5 < above["width"] / below["width"] < 0.97
    for start, end in (("left", "right"), ("top", "bottom")):
        assert below[start] - 2 < above[start] < above[end] < below[end] + 2
    page.keyboard.press("m")
    page.keyboard.press("m")
    page.keyboard.press("m")
    until(page, "document.querySelector('.compare .note')?.textContent.includes('differs visibly')")
    share = float(re.findall(r"([\d.]+)%", page.inner_text(".compare .note"))[0])
    assert share < 5, "what lies on each other is the same picture"


def test_the_document_stays_small_however_long_the_list_is(visit: Open, tmp_path: Path) -> None:
    with served(desk_of_many(tmp_path / "data", 10_000, "exact")) as server:
        page = visit(server).review("identical")
        for share in (0.2, 0.9, 0.5):
            page.evaluate(
                f"() => {{ const box = document.querySelector('.rows'); box.scrollTop = box.scrollHeight * {share}; }}"
            )
            until(page, "![...document.querySelectorAll('.row')].some((row) => row.dataset.empty)")
            assert page.evaluate("document.querySelectorAll('*').length") < 1500


def test_a_photo_of_a_plan_can_stay_after_all(visit: Open) -> None:
    window = visit()
    page = window.review("identical")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    marked = window.settled()["planned_photos"]
    window.go("plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    page.click(".steps-list td button")
    until(page, f"document.querySelectorAll('.steps-list tbody tr').length === {marked - 1}")
    assert window.settled()["planned_photos"] == marked - 1


def test_both_pictures_of_a_comparison_show_the_same_part(visit: Open) -> None:
    window = visit()
    page = window.review("same")
    page.keyboard.press("c")
    page.wait_for_selector("dialog.compare img")
    until(page, "[...document.querySelectorAll('.pane img')].every((image) => image.naturalWidth > 1)")
    for key in ("+", "+", "+"):
        page.keyboard.press(key)
    box = page.locator(".pane").first.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.wheel(0, -100)
    middles = page.evaluate(
        """() => [...document.querySelectorAll('.pane')].map((pane) => { const p = pane.getBoundingClientRect();
             const i = pane.querySelector('img').getBoundingClientRect();
             return [(p.x + p.width / 2 - i.x) / i.width, (p.y + p.height / 2 - i.y) / i.height]; })"""
    )
    assert middles[0] == pytest.approx(middles[1], abs=0.01)
    assert json.loads(page.get_attribute("compare-dialog", "data-view"))["zoom"] > 3
    for mode in ("blink", "difference", "slider", "side"):
        page.keyboard.press("m")
        assert json.loads(page.get_attribute("compare-dialog", "data-view"))["mode"] == mode
    page.keyboard.press("Enter")
    assert window.settled()["lanes"]["same"]["decided"] == 1


def test_photos_go_by_the_plan_and_come_back_by_the_history(visit: Open) -> None:
    window = visit()
    gallery = window.server.desk.config.sources[0].options["path"]
    before = files_of(gallery)
    page = window.review("identical")
    for _ in range(3):
        page.keyboard.press("Enter")
    marked = window.settled()["planned_photos"]
    assert files_of(gallery) == before
    window.go("plan")
    page.click(".make button")
    page.click(".plan .danger")
    page.click("dialog.question .danger")
    page.wait_for_selector(".work.done")
    assert len(before - files_of(gallery)) == marked
    window.go("history")
    page.click(".runs button")
    page.click("dialog.question .primary")
    until(page, "document.querySelector('.work.done')?.textContent.includes('brought back')")
    assert files_of(gallery) == before


def files_of(gallery: str) -> set[str]:
    root = Path(gallery)
    return {str(file) for file in root.rglob("*") if file.is_file() and ".keepone" not in file.parts}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_screen(visit: Open, look: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    window = visit(**LOOKS[look])
    page = window.page
    found = {}
    for screen in SCREENS:
        window.go(screen)
        page.wait_for_selector("main h1, main group-card h2")
        page.wait_for_timeout(400)
        found[screen] = axe.run(page)
    window.review("same")
    page.keyboard.press("Enter")
    page.keyboard.press("c")
    page.wait_for_selector("compare-dialog table")
    found["compare"] = axe.run(page)
    page.keyboard.press("Escape")
    window.go("plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    found["a plan"] = axe.run(page)
    page.click(".plan .danger")
    page.wait_for_selector("dialog.question")
    found["a question"] = axe.run(page)
    wrong = {
        name: [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in one.response["violations"]]
        for name, one in found.items()
    }
    assert not {name: bad for name, bad in wrong.items() if bad}


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_no_text_is_missing_in_any_language(visit: Open, language: str) -> None:
    window = visit(locale=language)
    key = re.compile(
        r"\b(?:nav|lane|card|photo|do|filter|state|home|plan|history|rules|settings|key|go|toast|empty|job)\.[a-zA-Z#]"
    )
    for screen in (*SCREENS, "review/decided", "review/similar"):
        page = window.go(screen)
        page.wait_for_selector("main h1, main group-card h2")
        page.wait_for_timeout(200)
        assert not key.search(page.inner_text("body")), screen
    assert page.evaluate("document.documentElement.lang") == language[:2]


def test_nothing_moves_sideways_on_a_phone(visit: Open) -> None:
    window = visit(viewport={"width": 390, "height": 844})
    for screen in SCREENS:
        page = window.go(screen)
        page.wait_for_selector("main h1, main group-card h2")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, screen
    window.review("same")
    page.keyboard.press("Enter")
    window.settled()
    window.go("plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "a plan with its table"
