"""The page's words: in every language the same keys, in the code no text, and every key that the code asks for."""

from __future__ import annotations

import json
import re

import pytest

from dedupe_app.web.texts import languages, static_folder
from dedupe_core.report_cards import _FLAGS, _PARTS

TEXTS = {name: json.loads((static_folder() / "locales" / f"{name}.json").read_text("utf-8")) for name in languages()}
CODE = {file.name: file.read_text("utf-8") for file in static_folder().glob("*.js")}


def test_english_and_german_are_there() -> None:
    assert {"de", "en"} <= set(TEXTS)


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_has_every_text(language: str) -> None:
    assert set(TEXTS[language]) == set(TEXTS["en"])
    for key, text in TEXTS[language].items():
        english = TEXTS["en"][key]
        assert isinstance(text, dict) == isinstance(english, dict), key
        for form in text.values() if isinstance(text, dict) else [text]:
            assert form, key
            most = " ".join(english.values()) if isinstance(english, dict) else english
            assert set(re.findall(r"\{\w+\}", form)) <= set(re.findall(r"\{\w+\}", most)), key


def test_plural_texts_have_the_forms_that_their_language_needs() -> None:
    for language in ("de", "en"):
        for key, text in TEXTS[language].items():
            if isinstance(text, dict):
                assert {"one", "other"} <= set(text), key


def test_every_text_that_the_code_asks_for_exists() -> None:
    asked = {key for code in CODE.values() for key in re.findall(r"""\bt\(\s*"([^"]+)\"""", code)}
    assert len(asked) > 80
    assert not asked - set(TEXTS["en"])


def test_every_text_is_asked_for_somewhere() -> None:
    """By its key, or by a family whose last word the code fills in."""
    code = "\n".join(CODE.values())
    families = {key.replace("${", "") for key in re.findall(r"`([\w.]+\.)\$\{", code)}
    families |= {f"{kind}." for kind in re.findall(r"""\bterm\(\s*"(\w+)\"""", code)} | {"state.", "lane.", "login."}
    unused = [key for key in TEXTS["en"] if f'"{key}"' not in code and not any(key.startswith(one) for one in families)]
    assert unused == ["direction"] or not unused


def test_every_word_of_the_servers_small_vocabulary_has_a_translation() -> None:
    for word in (*_FLAGS.values(), *_PARTS.values()):
        assert f"chip.{word}" in TEXTS["de"], word


def test_every_stage_of_a_run_has_its_words() -> None:
    """As the bar shows it that tells what is being done now."""
    home = static_folder().parents[2]
    source = [file.read_text("utf-8") for part in ("dedupe_core", "feedback") for file in (home / part).rglob("*.py")]
    named = {name for text in source for name in re.findall(r'(?:\.stage|\brun\.read)\(\s*"([^"]+)"', text)}
    assert len(named) > 12
    for language, texts in TEXTS.items():
        assert {f"stage.{name}" for name in named} <= set(texts), language


def test_every_action_of_the_keys_is_explained() -> None:
    actions = set(re.findall(r'action: "(\w+)"', CODE["keys.js"]))
    assert not {f"key.{action}" for action in actions} - set(TEXTS["en"])


def test_the_files_of_the_page_are_small_rooms() -> None:
    long = {name: lines for name, code in CODE.items() if (lines := len(code.splitlines())) > 400}
    assert not long
