"""What the server says in words has a code, and every code has its sentence in every language."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import dedupe_core
from dedupe_app.doctor_words import WORDS
from dedupe_app.web.catalogue import TEMPLATES, WITHIN
from dedupe_app.web.telling import FAILURES, REFUSALS, clean, codes, failure, refusal
from dedupe_app.web.texts import languages, static_folder
from dedupe_core.model import Plan, Step
from dedupe_core.rules import RULES
from dedupe_core.sentences import SENTENCES, Said, packed, said, size_of, unpacked
from dedupe_core.store.plans import plan_from_json, plan_to_json
from tests.web.conftest import Page

TEXTS = {name: json.loads((static_folder() / "locales" / f"{name}.json").read_text("utf-8")) for name in languages()}
CORE = Path(dedupe_core.__file__).parent
ENGLISH: dict[str, str | tuple[str, str]] = {
    **{f"said.{code}": text for code, text in SENTENCES.items()},
    **{f"said.rule.{rule.name}": rule.label for rule in RULES},
    **{f"rule.{rule.name}": rule.tells for rule in RULES},
    **{f"said.refused.{code}": text for code, text in REFUSALS.items()},
    **{f"said.doctor.{code}": text for code, text in WORDS.items()},
    **{f"said.failed.{kind}": "{detail}" for kind in FAILURES},
    **{f"said.{code}": re.sub(r"\{(\w+):[^}]*\}", r"{\1}", text) for code, text in {**TEMPLATES, **WITHIN}.items()},
}


def forms(text: Any) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


@pytest.mark.parametrize("language", TEXTS)
def test_every_code_of_a_reason_a_rule_and_an_error_has_its_sentence(language: str) -> None:
    missing = [key for key in ENGLISH if key not in TEXTS[language]]
    assert not missing
    for key, english in ENGLISH.items():
        wanted = set(re.findall(r"\{\w+\}", " ".join(english) if isinstance(english, tuple) else english))
        for form in forms(TEXTS[language][key]):
            assert set(re.findall(r"\{\w+\}", form)) == wanted, key


def test_no_sentence_of_the_page_is_of_a_code_that_nobody_says() -> None:
    own = {"said.oneStays", "said.undone", "said.nothingToUndo"}
    assert {key for key in TEXTS["en"] if key.startswith(("said.", "rule."))} - own == set(ENGLISH)


def test_the_english_of_the_page_is_that_of_the_code() -> None:
    for key, english in ENGLISH.items():
        mine = TEXTS["en"][key]
        assert (tuple(mine.values()) if isinstance(mine, dict) else mine) == english, key


def test_german_is_not_english() -> None:
    alike = {key for key, english in ENGLISH.items() if TEXTS["de"][key] == english and " " in str(english)}
    words = {key for key in alike if re.search(r"[a-z]{3}", re.sub(r"\{\w+\}", "", str(ENGLISH[key])))}
    assert words <= {"said.doctor.versions", "said.doctor.daemon_has"}, "names alone are the same in both"


def test_every_code_that_is_said_anywhere_is_in_the_table() -> None:
    """A code that is made of parts is asked for by its beginning."""
    asked: set[str] = set()
    others = (CORE.parent / "feedback").glob("*.py"), (CORE.parent / "dedupe_app").rglob("*.py")
    for file in (*CORE.rglob("*.py"), *chain(*others)):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said" and node.args:
                asked |= _codes(node.args[0])
    assert len(asked) > 60
    for code in asked:
        assert code in SENTENCES or any(known.startswith(code) for known in SENTENCES), code
    assert not [code for code in SENTENCES if code not in asked and not any(code.startswith(one) for one in asked)]


def _codes(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _codes(node.body) | _codes(node.orelse)
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        return {str(first.value)} if isinstance(first, ast.Constant) else set()
    return {str(node.value)} if isinstance(node, ast.Constant) else set()


def test_a_sentence_is_a_string_and_remembers_its_code_wherever_it_goes() -> None:
    told = said("reason.both", rule=Said("larger picture", "rule.pixels"), ours="40 × 30", theirs=size_of(4_200_000))
    assert told == "larger picture: 40 × 30 against 4.2 MB"
    for again in (unpacked(packed(told)), pickle.loads(pickle.dumps(told)), copy.deepcopy(told)):
        assert again == told
        assert isinstance(again, Said)
        assert again.to_json() == told.to_json()
    listed = said("edge.near", how=(said("how.again"), "x"), agreement="all")
    assert unpacked(packed(listed)) == listed == "same picture, saved again, x: all"


def test_what_was_kept_before_there_were_codes_is_read_as_it_is() -> None:
    for plain in ("", "older: 2019 against 2021", '{"code" of honour}', "{odd}"):
        assert unpacked(packed(plain)) == plain
        assert type(unpacked(plain)) is str


def test_a_name_that_is_no_text_does_no_harm_in_a_sentence() -> None:
    told = said("hold.protected", folder="caf\udce9")
    assert json.dumps(codes(why=told)).encode()
    assert clean({"a": ["\udce9"]}) == {"a": ["\\xe9"]}
    assert unpacked(packed(told)) == told


def test_a_plan_from_a_file_can_not_put_other_words_under_a_reason(page: Page) -> None:
    page.accept(page.get("/groups", lane="same")["items"][0])
    made = page.post("/plans")
    raw = page.client.get(f"/api/v1/plans/{made['id']}/export").json()
    plan: Plan = plan_from_json(raw)
    assert plan_to_json(plan) == raw
    step: Step = plan.steps[0]
    assert isinstance(step.reason, Said)
    raw["steps"][0]["said"] = packed(said("reason.by_you"))
    assert type(plan_from_json(raw).steps[0].reason) is str
    for broken in ("{", '{"code":1}', '{"code":"no.such","values":{}}', 7):
        raw["steps"][0]["said"] = broken
        assert plan_from_json(raw).steps[0].reason == str(step.reason)


def test_the_page_gets_code_and_values_beside_the_words(page: Page) -> None:
    for lane in ("identical", "same"):
        for group in page.get("/groups", lane=lane)["items"]:
            assert group["said"]["reason"]["code"].startswith(("reason.", "rule.")), group["reason"]
            for photo in group["photos"]:
                for field in ("why", "evidence"):
                    assert bool(photo[field]) == (field in photo["said"]), photo[field]


def test_a_client_that_has_the_sentences_gets_the_codes_alone(page: Page) -> None:
    whole = page.get("/groups", lane="same")["items"]
    for group, full in zip(page.get("/groups", lane="same", words="codes")["items"], whole, strict=True):
        assert group["reason"] == ""
        assert group["said"]["reason"]["code"] == full["said"]["reason"]["code"]
        assert [photo["name"] for photo in group["photos"]] == [photo["name"] for photo in full["photos"]]


def test_a_plan_says_its_reasons_by_code(page: Page) -> None:
    page.accept(page.get("/groups", lane="same")["items"][0])
    made = page.post("/plans")
    assert all(one["said"]["reason"]["code"].startswith(("rule.", "reason.")) for one in made["reasons"])
    for step in page.get(f"/plans/{made['id']}/items")["items"]:
        assert step["said"]["reason"]["code"]


def test_a_refusal_has_its_code(page: Page) -> None:
    body = page.post("/undo", {"undo_token": "unheard of"}, status=404)
    assert body["said"]["error"]["code"] == "refused.no_decision"
    assert body["error"] == REFUSALS["no_decision"]
    answer = page.client.get("/api/v1/groups", params={"limit": "many"})
    assert answer.json()["said"]["error"]["code"] == "refused.misunderstood"


def test_an_error_of_the_work_says_what_it_is_about() -> None:
    _, told = failure(PermissionError(13, "Permission denied", "/photos"))
    assert told.code == "failed.system"
    assert told.values["detail"] == str(told)
    assert refusal("other_count", now=3, was=4).values == {"now": 3, "was": 4}
