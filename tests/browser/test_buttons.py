"""Every button of every screen is clicked once, and does what it says. A new button has to be put into the table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.job_model import JobConfig
from dedupe_app.library import Library
from dedupe_app.progress import Meter
from dedupe_app.web.desk import Desk
from dedupe_app.web.texts import static_folder
from tests.browser.conftest import Open, Visit, served
from tests.browser.test_review_page import deck, until
from tests.web.many import desk_of_many

CODE = "\n".join(file.read_text("utf-8") for file in static_folder().glob("*.js"))
DECIDING = {"accept", "onlyThis", "keepAll", "apart", "skip", "compare"}
"""The buttons under a group, which are made from one table in card.js."""
Click = Callable[[Visit], None]
TABLE: dict[str, Click] = {}


def button(name: str) -> Callable[[Click], Click]:
    """The test of one button: it begins with a window on the demo gallery with nothing decided."""

    def keep(click: Click) -> Click:
        TABLE[name] = click
        return click

    return keep


def do(name: str) -> str:
    return f'[data-do="{name}"]'


def decided(window: Visit, lane: str) -> int:
    return int(window.settled()["lanes"][lane]["decided"])


def test_every_button_has_a_name_and_its_test() -> None:
    made = re.findall(r"""h\(\s*[`"]button[^`"]*[`"](?:\s*:\s*""\}`)?,\s*\{([^}]*)""", CODE)
    assert len(made) > 30
    assert not [props for props in made if "data-do" not in props]
    names = set(re.findall(r'"data-do": "(\w+)"', CODE)) | DECIDING
    assert names == set(TABLE)
    table = CODE.split("const buttons = [")[1].split("\n  ];")[0]
    assert set(re.findall(r'\["(\w+)",', table)) == DECIDING


@pytest.mark.parametrize("name", sorted(set(re.findall(r'"data-do": "(\w+)"', CODE)) | DECIDING))
def test_the_button_does_what_it_says(visit: Open, tmp_path: Path, name: str) -> None:
    window = visit()
    window.folder = tmp_path / "other"
    TABLE[name](window)


@button("accept")
def _(window: Visit) -> None:
    page = window.review("identical")
    page.click(do("accept"))
    assert decided(window, "identical") == 1
    assert window.settled()["planned_photos"] >= 1


@button("onlyThis")
def _(window: Visit) -> None:
    page = window.review("sets")
    page.click(do("onlyThis"))
    assert deck(page, "deck.here.photos.filter((photo) => photo.keep).length") == 1


@button("keepAll")
def _(window: Visit) -> None:
    window.review("identical").click(do("keepAll"))
    summary = window.settled()
    assert (summary["lanes"]["identical"]["decided"], summary["planned_photos"]) == (1, 0)


@button("apart")
def _(window: Visit) -> None:
    window.review("same").click(do("apart"))
    assert decided(window, "same") == 1
    window.go("history")
    window.page.wait_for_selector(".acts li")
    assert "uplicates" in window.page.inner_text(".acts li")


@button("skip")
def _(window: Visit) -> None:
    window.review("same").click(do("skip"))
    assert decided(window, "same") == 1


@button("compare")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("compare"))
    page.wait_for_selector("dialog.compare[open]")


@button("photo")
def _(window: Visit) -> None:
    page = window.review("same")
    before = deck(page, "deck.here.photos[1].keep")
    page.locator(do("photo")).nth(1).click()
    assert deck(page, "deck.here.photos[1].keep") is not before


@button("undo")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("accept"))
    assert decided(window, "same") == 1
    page.click(f".toast {do('undo')}")
    assert decided(window, "same") == 0


@button("acceptLane")
def _(window: Visit) -> None:
    page = window.review("identical")
    page.click(do("acceptLane"))
    page.wait_for_selector("dialog.question")
    assert decided(window, "identical") == 0


@button("yes")
def _(window: Visit) -> None:
    page = window.review("identical")
    page.click(do("acceptLane"))
    page.click(f"dialog.question {do('yes')}")
    page.wait_for_selector("group-card .empty")
    assert window.settled()["lanes"]["identical"]["groups"] == 0


@button("no")
def _(window: Visit) -> None:
    page = window.review("identical")
    page.click(do("acceptLane"))
    page.click(f"dialog.question {do('no')}")
    page.wait_for_selector("dialog.question", state="detached")
    assert decided(window, "identical") == 0


@button("filter")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("filter"))
    page.wait_for_selector(".panel select")
    assert page.get_attribute(do("filter"), "aria-expanded") == "true"


@button("closeFilters")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("filter"))
    page.click(do("closeFilters"))
    page.wait_for_selector(".panel", state="hidden")
    assert page.get_attribute(do("filter"), "aria-expanded") == "false"


@button("withoutFilter")
def _(window: Visit) -> None:
    page = window.go("review/same?taken=2024&min_bytes=1000")
    page.locator(do("withoutFilter")).first.click()
    until(page, "location.hash === '#/review/same?min_bytes=1000'")


@button("clearFilters")
def _(window: Visit) -> None:
    page = window.go("review/same?taken=2024&min_bytes=1000&sort=date")
    page.click(do("clearFilters"))
    until(page, "location.hash === '#/review/same?sort=date'")


@button("closeCompare")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("compare"))
    page.click(do("closeCompare"))
    page.wait_for_selector("dialog.compare", state="detached")


@button("mode")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("compare"))
    for at, mode in enumerate(("side", "blink", "difference", "slider")):
        page.locator(do("mode")).nth(at).click()
        assert f'"mode":"{mode}"' in page.get_attribute("compare-dialog", "data-view")


@button("loupe")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("compare"))
    page.click(do("loupe"))
    page.wait_for_selector(".pane .lens")
    page.click(do("loupe"))
    page.wait_for_selector(".pane .lens", state="detached")


@button("pane")
def _(window: Visit) -> None:
    page = window.review("same")
    page.click(do("compare"))
    before = deck(page, "deck.here.photos[1].keep")
    page.locator(do("pane")).nth(1).click()
    assert deck(page, "deck.here.photos[1].keep") is not before


@button("retryGroups")
def _(window: Visit) -> None:
    window.page.route("**/api/v1/groups?*", lambda route: route.abort())
    page = window.go("review/same")
    page.wait_for_selector(do("retryGroups"))
    page.unroute("**/api/v1/groups?*")
    page.click(do("retryGroups"))
    page.wait_for_selector("group-card figure")


@button("retryScreen")
def _(window: Visit) -> None:
    window.page.route("**/static/history.js", lambda route: route.abort())
    window.page.goto(f"{window.server.base}/?fresh#/history")
    window.page.wait_for_selector(do("retryScreen"))
    window.page.unroute("**/static/history.js")
    window.page.click(do("retryScreen"))
    window.page.wait_for_selector(f"{do('retryScreen')}, history-screen")


@button("retryHome")
def _(window: Visit) -> None:
    window.page.route("**/api/v1/sources", lambda route: route.abort())
    window.page.goto(f"{window.server.base}/?fresh#/home")
    window.page.wait_for_selector(do("retryHome"))
    window.page.unroute("**/api/v1/sources")
    window.page.click(do("retryHome"))
    window.page.wait_for_selector(".source")


@button("makePlan")
def _(window: Visit) -> None:
    a_plan(window)


def a_plan(window: Visit) -> Any:
    """A plan of three decided groups, on its screen."""
    page = window.review("identical")
    for _ in range(3):
        page.keyboard.press("Enter")
    window.settled()
    window.go("plan")
    page.click(do("makePlan"))
    page.wait_for_selector(".steps-list td")
    return page


@button("applyPlan")
def _(window: Visit) -> None:
    page = a_plan(window)
    page.click(do("applyPlan"))
    page.wait_for_selector("dialog.question")
    page.click(do("no"))
    until(page, "!document.querySelector('.work')")


@button("spare")
def _(window: Visit) -> None:
    page = a_plan(window)
    before = page.locator(".steps-list tbody tr").count()
    page.locator(do("spare")).first.click()
    until(page, f"document.querySelectorAll('.steps-list tbody tr').length === {before - 1}")


@button("undoRun")
def _(window: Visit) -> None:
    page = a_plan(window)
    page.click(do("applyPlan"))
    page.click(do("yes"))
    page.wait_for_selector(".work.done")
    window.go("history")
    page.locator(do("undoRun")).first.click()
    page.click(do("yes"))
    until(page, "document.querySelector('.work.done')?.textContent.includes('brought back')")


@button("dismiss")
def _(window: Visit) -> None:
    page = window.go("home")
    page.locator(do("scan")).first.click()
    page.click(f".work.done {do('dismiss')}")
    page.wait_for_selector(".work", state="detached")


@button("scan")
def _(window: Visit) -> None:
    page = window.go("home")
    page.locator(do("scan")).first.click()
    page.wait_for_selector(".work.done")


@button("undoAct")
def _(window: Visit) -> None:
    page = window.review("identical")
    page.keyboard.press("Enter")
    window.settled()
    window.go("history")
    page.locator(do("undoAct")).first.click()
    page.wait_for_selector(".revoked")
    assert decided(window, "identical") == 0


@button("previewRules")
def _(window: Visit) -> None:
    page = window.go("rules")
    page.click(do("previewRules"))
    page.wait_for_selector(f".answer {do('saveRules')}")


@button("saveRules")
def _(window: Visit) -> None:
    """The demo has no configuration file: the page shows what to put there, and writes nothing."""
    page = window.go("rules")
    page.click(do("previewRules"))
    page.click(do("saveRules"))
    page.wait_for_selector(".answer pre")
    assert "keeping:" in page.inner_text(".answer pre")


def rules(page: Any) -> list[str]:
    page.wait_for_selector("ol.rules li")
    return [str(one) for one in page.locator("ol.rules li b").all_inner_texts()]


@button("ruleUp")
def _(window: Visit) -> None:
    page = window.go("rules")
    before = rules(page)
    page.locator(do("ruleUp")).nth(1).click()
    assert rules(page)[:2] == [before[1], before[0]]


@button("ruleDown")
def _(window: Visit) -> None:
    page = window.go("rules")
    before = rules(page)
    page.locator(do("ruleDown")).first.click()
    assert rules(page)[:2] == [before[1], before[0]]


@button("ruleOut")
def _(window: Visit) -> None:
    page = window.go("rules")
    before = rules(page)
    page.locator(do("ruleOut")).first.click()
    assert rules(page) == before[1:]


@button("addRule")
def _(window: Visit) -> None:
    page = window.go("rules")
    before = rules(page)
    page.click("rules-screen summary")
    page.locator(do("addRule")).first.click()
    assert rules(page)[:-1] == before


@button("previewLearning")
def _(window: Visit) -> None:
    page = window.go("learn")
    page.click(do("previewLearning"))
    page.wait_for_selector(".answer h2")


@button("regroup")
def _(window: Visit) -> None:
    page = window.go("learn")
    page.click(do("regroup"))
    page.wait_for_selector(".work.done")


@contextmanager
def small(window: Visit) -> Iterator[Visit]:
    """A window on two sources of two equal files each, with a job, and a service for the model that is not there."""
    sources = []
    for name in ("a", "b"):
        root = window.folder / name
        root.mkdir(parents=True)
        for copy in ("one.png", "two.png"):
            Image.linear_gradient("L").resize((120, 90)).save(root / copy)
        sources.append(SourceConfig(name=name, kind="local", options={"path": str(root)}))
    jobs = (JobConfig(name="nightly", action="nothing"),)
    config = Config(data=window.folder / "data", sources=tuple(sources), jobs=jobs)
    embedding = config.settings.embedding.model_copy(update={"url": "http://127.0.0.1:9", "mode": "remote"})
    config = config.model_copy(update={"settings": config.settings.model_copy(update={"embedding": embedding})})
    with Library.open(config) as library:
        library.scan()
    with served(Desk(Loaded(config, None, {}), config)) as server:
        yield window.other(server)


@button("scanAll")
def _(window: Visit) -> None:
    with small(window) as other:
        other.page.click(do("scanAll"))
        other.page.wait_for_selector(".work.done")


@button("runJob")
def _(window: Visit) -> None:
    with small(window) as other:
        other.page.click(do("runJob"))
        other.page.wait_for_selector(".work.done")
        until(other.page, "!document.querySelector('.jobs').textContent.includes('did not run yet')")


@button("lookSimilar")
def _(window: Visit) -> None:
    with small(window) as other:
        other.page.click(do("lookSimilar"))
        other.page.wait_for_selector(".work.done, .work.failed")


@button("stopJob")
def _(window: Visit) -> None:
    def endless(library: Library, meter: Meter) -> dict[str, Any]:
        del library
        meter.stage("hashing", None)
        while True:
            meter.advance(1)
            time.sleep(0.02)

    window.server.desk.jobs.start("scan", "", endless)
    window.page.click(do("stopJob"))
    window.page.wait_for_selector(".work.stopped")


@button("moreActs")
def _(window: Visit) -> None:
    """More acts than one page of them has."""
    with served(desk_of_many(window.folder / "data", 60, "exact")) as server:
        other = window.other(server)
        page = other.review("identical")
        for _ in range(55):
            page.keyboard.press("s")
        other.settled()
        other.go("history")
        page.wait_for_selector(".acts li")
        before = page.locator(".acts li").count()
        page.click(do("moreActs"))
        until(page, f"document.querySelectorAll('.acts li').length > {before}")


@button("moreSteps")
def _(window: Visit) -> None:
    """More steps than one page of a plan has."""
    with served(desk_of_many(window.folder / "data", 60, "exact")) as server:
        other = window.other(server)
        page = other.review("identical")
        page.click(do("acceptLane"))
        page.click(do("yes"))
        other.settled()
        other.go("plan")
        page.click(do("makePlan"))
        page.wait_for_selector(".steps-list td")
        before = page.locator(".steps-list tbody tr").count()
        page.click(do("moreSteps"))
        until(page, f"document.querySelectorAll('.steps-list tbody tr').length > {before}")
