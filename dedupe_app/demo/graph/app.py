"""The Graph host: tokens, routing, $batch."""

from __future__ import annotations

import json
import random
from typing import Any

from dedupe_app.demo.graph.drive import GraphError
from dedupe_app.demo.graph.reads import get
from dedupe_app.demo.graph.state import State
from dedupe_app.demo.graph.wire import Answer, Call
from dedupe_app.demo.graph.writes import write

BATCH_LIMIT = 20


def answer(state: State, call: Call) -> Answer:
    """Answer one request to the Graph host."""
    try:
        scopes = _scopes(state, call)
        if call.path == "/v1.0/$batch":
            return _batch(state, call, scopes)
        return _single(state, call, scopes)
    except GraphError as error:
        return Answer.failed(error)


def _scopes(state: State, call: Call) -> frozenset[str]:
    given = (call.header("Authorization") or "").removeprefix("Bearer ")
    if given not in state.tokens:
        raise GraphError(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
    return state.tokens[given]


def _single(state: State, call: Call, scopes: frozenset[str]) -> Answer:
    if not call.path.startswith("/v1.0/"):
        raise GraphError(404, "BadRequest", "Unknown version.")
    if call.method != "GET" and "Files.ReadWrite" not in scopes:
        raise GraphError(403, "accessDenied", "Access denied")
    with state.lock:
        place = state.resolve(call.path.removeprefix("/v1.0"))
        if call.method == "GET":
            return get(state, call, place)
        return write(state, call, place)


def _batch(state: State, call: Call, scopes: frozenset[str]) -> Answer:
    requests: list[dict[str, Any]] = call.json().get("requests", [])
    identities = [str(one["id"]).casefold() for one in requests]
    if not 0 < len(requests) <= BATCH_LIMIT or len(set(identities)) != len(identities):
        raise GraphError(400, "BadRequest", "Number of batch request steps exceeds the maximum, or ids repeat.")
    statuses: dict[str, int] = {}
    answers = []
    for one in requests:
        made = _inner(state, one, scopes, statuses)
        statuses[str(one["id"])] = made.status
        body = json.loads(made.body) if made.body else None
        answers.append({"id": one["id"], "status": made.status, "headers": made.headers, "body": body})
    if state.quirks.shuffle_batch:
        random.Random(len(state.accounting.seen)).shuffle(answers)  # noqa: S311 - the same dice in every run
    return Answer.of({"responses": answers}, units=len(requests))


def _inner(state: State, one: dict[str, Any], scopes: frozenset[str], statuses: dict[str, int]) -> Answer:
    if any(statuses.get(needed, 424) >= 400 for needed in one.get("dependsOn", [])):
        return Answer.failed(GraphError(424, "failedDependency", "A request that this one depends on failed."))
    url = str(one["url"])
    if not url.startswith("/") or url.startswith("/$batch"):
        return Answer.failed(GraphError(400, "BadRequest", "Batch URLs are relative and do not nest."))
    fault = state.weather.strike(f"batch {one['method']} {url}")
    if fault is not None and fault.kind == "status":
        if "Retry-After" in fault.headers:
            state.accounting.close_until("graph", state.clock.now() + float(fault.headers["Retry-After"]))
        return Answer.failed(GraphError(fault.status, fault.code, "", fault.inner, **fault.headers))
    path, _, query = url.partition("?")
    body = json.dumps(one["body"]).encode() if one.get("body") is not None else b""
    inner = Call(str(one["method"]), "/v1.0" + path, query, one.get("headers", {}), body)
    try:
        return _single(state, inner, scopes)
    except GraphError as error:
        return Answer.failed(error)
