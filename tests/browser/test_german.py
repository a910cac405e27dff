"""A German page of a library in which everything goes wrong: every word of ours on it is German."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.job_model import JobConfig
from dedupe_app.library import Library
from dedupe_app.web.desk import Desk
from dedupe_app.web.server import Server
from dedupe_app.web.texts import static_folder
from tests.browser.conftest import Open, served

LOCALES = static_folder() / "locales"
_END_OF_PNG = 12  # bytes of its last chunk, the end mark


def texts_of(language: str) -> list[str]:
    """Every form of every text of a language."""
    found = json.loads((LOCALES / f"{language}.json").read_text("utf-8")).values()
    return [form for text in found for form in (text.values() if isinstance(text, dict) else [text])]


def english() -> set[str]:
    """What stands in an English text and in no German one: pieces of two words and more, between the values."""
    german = "\n".join(texts_of("de"))
    pieces = {piece.strip(" .:;,()") for text in texts_of("en") for piece in re.split(r"\{\w+\}", text)}
    return {piece for piece in pieces if len(piece) >= 9 and " " in piece and piece not in german}


def draw(file: Path, seed: int) -> Path:
    """A picture with enough in it to be told from others."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.effect_noise((320, 240), 60 + seed).convert("RGB")
    image.paste((200, 30 * seed % 255, 40), (20 * seed, 30, 20 * seed + 90, 150))
    image.save(file)
    return file


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A photo that cannot be read, one that is damaged beside its whole twin, copies to put away, a source that is not
    there, and a job that needs it."""
    place = tmp_path_factory.mktemp("troubled")
    photos = place / "photos"
    sea = draw(photos / "sea.png", 1).read_bytes()
    (photos / "copies").mkdir()
    (photos / "copies" / "sea.png").write_bytes(sea)
    hill = draw(photos / "hill.png", 3).read_bytes()
    (photos / "copies" / "hill.png").write_bytes(hill[:-_END_OF_PNG])
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    (photos / "empty.jpg").write_bytes(b"")
    sources = [
        SourceConfig(name="photos", kind="local", options={"path": str(photos)}),
        SourceConfig(name="disk", kind="local", options={"path": str(place / "away")}),
    ]
    job = JobConfig(name="nightly", sources=("photos", "disk"), action="report")
    config = Config(data=place / "data", sources=tuple(sources), jobs=(job,))
    with Library.open(config) as library:
        library.scan()
    with served(Desk(Loaded(config, None, {}), config)) as server:
        yield server


def says(page: Any, *sentences: str) -> None:
    """Wait until each of these is somewhere in the text of the page, that of closed parts too."""
    for sentence in sentences:
        page.wait_for_function("(words) => document.body.textContent.includes(words)", arg=sentence)


def english_on(page: Any) -> list[str]:
    page.wait_for_timeout(400)
    words = str(page.evaluate("document.body.textContent"))
    return sorted(piece for piece in english() if piece in words or piece.casefold() in words)


def test_the_check_itself_finds_english(visit: Open, troubled: Server) -> None:
    window = visit(troubled)
    window.go("home")
    window.page.wait_for_selector("div.checks p")
    assert len(english_on(window.page)) > 5


def test_home_of_a_library_in_trouble_is_german(visit: Open, troubled: Server) -> None:
    window = visit(troubled, locale="de-DE")
    page = window.go("home")
    page.wait_for_selector("div.checks p")
    says(page, "Die Datei endet, bevor ihr Bild beginnt", "Die Datei ist leer.", "ist nicht erreichbar")
    says(page, "Schließe die Platte an")
    assert not english_on(page)
    assert not page.query_selector_all("main [lang=en]")


def test_a_job_that_went_wrong_is_german(visit: Open, troubled: Server) -> None:
    window = visit(troubled, locale="de-DE")
    page = window.go("home")
    page.click("[data-do=runJob]")
    page.wait_for_selector(".work.done, .work.failed")
    page.wait_for_selector("ul.jobs .warning")
    says(page, "nightly", "disk: ", "ist nicht erreichbar")
    assert not english_on(page)
    page.click("[data-do=scanAll]")
    page.wait_for_selector(".work.done:has-text('Durchsucht:'):has-text('ist nicht erreichbar')")
    assert not english_on(page)


def test_a_damaged_photo_says_so_in_german(visit: Open, troubled: Server) -> None:
    window = visit(troubled, locale="de-DE")
    page = window.review("same")
    says(page, "Der Datei fehlt die Endmarke", "beschädigt")
    assert not english_on(page)
    assert not page.query_selector_all("main [lang=en]")


def test_a_photo_that_is_gone_says_so_in_german_in_place_of_its_picture(visit: Open, troubled: Server) -> None:
    window = visit(troubled, locale="de-DE")
    folder = Path(troubled.desk.config.sources[0].options["path"]) / "copies"
    darkroom = troubled.desk.darkroom.folder
    hidden = [file.rename(file.with_suffix(".off")) for file in [folder / "hill.png", *darkroom.rglob("*.webp")]]
    try:
        page = window.review("same")
        page.wait_for_selector("group-card .broken")
        says(page, "Die Datei lässt sich nicht öffnen")
        assert not english_on(page)
    finally:
        for file in hidden:
            file.rename(file.with_suffix(".png" if file.parent == folder else ".webp"))


def test_a_step_that_did_not_happen_says_why_in_german(visit: Open, troubled: Server) -> None:
    """The copy changes between the plan and its doing."""
    window = visit(troubled, locale="de-DE")
    page = window.review("identical")
    page.keyboard.press("Enter")
    window.settled()
    window.go("plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    folder = Path(troubled.desk.config.sources[0].options["path"])
    for file in folder.rglob("sea.png"):
        file.write_bytes(file.read_bytes() + b"more")
    page.click(".plan .danger")
    page.click("dialog.question .danger")
    page.wait_for_selector(".work.done:has-text('wurde geändert, seit der Plan gemacht wurde')")
    assert not english_on(page)
    window.go("history")
    page.wait_for_selector(".runs li")
    assert not english_on(page)
    page.click("[data-do=undoAct]")
    page.wait_for_selector(".acts .revoked")
    window.go("plan")
    page.wait_for_selector(".steps-list:has(.state.refused):has-text('wurde geändert, seit der Plan gemacht wurde')")
    assert not english_on(page)
    for screen in ("rules", "learn", "settings"):
        window.go(screen)
        page.wait_for_selector("main h1")
        assert not english_on(page), screen
