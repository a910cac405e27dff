"""The API does what its OpenAPI document says: a fuzzer finds no 500 and no answer of another shape."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from dedupe_app.web.app import routes
from dedupe_app.web.desk import Desk
from dedupe_app.web.guard import Keys
from tests.web.conftest import Page

WITHOUT_WORK = ("/api/v1/events", "/apply", "/undo", "/scan", "/reanalyse", "/run")
"""Streams and long work; their refusals are tested by name."""


def document(desk: Desk) -> dict[str, Any]:
    return routes(desk, Keys(1)).openapi()


def test_every_route_says_what_it_is_for_and_how_it_refuses(desk: Desk) -> None:
    for path, verbs in document(desk)["paths"].items():
        for verb, told in verbs.items():
            assert told["description"], (path, verb)
            assert {"401", "403", "422"} <= set(told["responses"]), (path, verb)


@pytest.mark.parametrize(
    "path",
    [
        "/summary",
        "/groups",
        "/decisions",
        "/sources",
        "/jobs",
        "/plans",
        "/rules",
        "/doctor",
        "/unreadable",
        "/learn",
        "/similar",
        "/service",
    ],
)
def test_answers_have_the_shape_that_the_document_says(page: Page, desk: Desk, path: str) -> None:
    whole = document(desk)
    schema = whole["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": whole["components"]}).validate(page.get(path))


def known_values(page: Page) -> list[dict[str, Any]]:
    """Values that are there and belong together, by the names that routes have for them: a fuzzer that makes all of
    them up never comes further than to "no such group"."""
    groups = page.get("/groups", status="all")
    acted = page.accept(groups["items"][0])
    plan = page.post("/plans")
    both = {
        "edge": 320,
        "plan_id": plan["id"],
        "number": 1,
        "undo_token": acted["undo_token"],
        "cursor": f"{groups['list']}.3",
        "rules": ["oldest", "pixels"],
        "dry_run": True,
    }
    found = []
    for group in page.get("/groups", status="all")["items"]:
        first, *_, last = [photo["id"] for photo in group["photos"]]
        mine = {"group_id": group["id"], "version": group["version"], "a": first, "b": last, "keep": [last]}
        found.append({**both, **mine, "identity": first})
    return found


def with_known(case: Any, known: list[dict[str, Any]], draw: Any) -> Any:
    """The case with some of its values replaced by such that are there, mostly all of them."""
    from hypothesis import strategies as st

    real = draw(st.sampled_from(known))
    every = draw(st.booleans())
    for holder in (case.path_parameters, case.query, case.body):
        for name in [name for name in holder if name in real] if hasattr(holder, "keys") else ():
            if every or draw(st.booleans()):
                holder[name] = real[name]
    return case


@pytest.mark.parametrize("examples", [3, pytest.param(300, marks=pytest.mark.slow)])
def test_a_fuzzer_finds_no_500_and_no_answer_of_another_shape(page: Page, desk: Desk, examples: int) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
    schema = schemathesis.openapi.from_dict(document(desk))
    known = known_values(page)
    kept = {"cookie": f"{page.server.keys.cookie}={page.server.keys.session}", **page.headers}
    found: list[str] = []
    for operation in schema.get_all_operations():
        api = operation.ok()
        if any(word in api.path for word in WITHOUT_WORK):
            continue

        @given(case=api.as_strategy(), data=st.data())
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def attack(case: Any, data: Any) -> None:
            asked = with_known(case, known, data.draw)
            empty: dict[str, Any] = {"json": {}} if asked.method == "POST" and not hasattr(asked.body, "keys") else {}
            answer = asked.call(base_url=page.server.base, headers=kept, **empty)
            try:
                asked.validate_response(answer, checks=checks)
            except Exception as error:  # noqa: BLE001 - what it is does not matter: all are told together
                told = f"{asked.method} {asked.path} {asked.query} {asked.body!r}"
                found.append(f"{told}: {answer.status_code} {answer.text[:200]} ({str(error)[:300]})")

        attack()
    assert not found, "\n".join(found[:20])
