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


@pytest.mark.parametrize("examples", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_a_fuzzer_finds_no_500(page: Page, desk: Desk, examples: int) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, given, settings

    schema = schemathesis.openapi.from_dict(document(desk))
    found: list[str] = []
    for operation in schema.get_all_operations():
        api = operation.ok()
        if any(word in api.path for word in WITHOUT_WORK):
            continue

        @given(case=api.as_strategy())
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def attack(case: Any) -> None:
            kept = {"cookie": f"{page.server.keys.cookie}={page.server.keys.session}", **page.headers}
            answer = case.call(base_url=page.server.base, headers=kept)
            if answer.status_code >= 500:
                found.append(f"{case.method} {case.path} {case.query} {case.body!r}: {answer.text[:200]}")

        attack()
    assert not found
