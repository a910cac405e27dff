"""Checks every request that a client emits against the OpenAPI description of the drives part of Graph.

The description is evaluation data beside the checkout; without it requests go unchecked (and the test says so). It
knows only addressing by id, so `/me/drive` and `root:/path:` are brought into that form first. Query names that the
description does not declare, names that OneDrive refuses and conflict behaviours out of range are found here too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator

from dedupe_app.demo.graph.wire import Call

# documented for Graph v1.0 but absent from the subset, by the last part of the address
ALSO = {
    "includeDeletedItems": re.compile(r"^/drives/\{drive-id\}/items/\{driveItem-id\}$"),
    "originalOrientation": re.compile(r"thumbnails"),
    "select": re.compile(r"thumbnails$"),
}
ILLEGAL = re.compile(r'["*:<>?|\\]')


class Description:
    """The description, ready to check requests."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = json.loads(path.read_text())
        self.templates = {
            template: re.compile("^" + re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)) + "$")
            for template in self.document["paths"]
        }
        self._validators: dict[str, Any] = {}

    def check(self, call: Call) -> list[str]:
        """Sentences about what is wrong with a request; empty when nothing is."""
        what = f"{call.method} {call.path}{'?' + call.raw_query if call.raw_query else ''}"
        address = canonical(call.path.removeprefix("/v1.0"))
        template = next((name for name, shape in self.templates.items() if shape.match(address)), None)
        if template is None:
            return [f"{what}: no such address"]
        operation = self.document["paths"][template].get(call.method.lower())
        if operation is None:
            return [f"{what}: no such operation"]
        wrong = [*self._query(call, template, operation), *self._body(call, operation), *_paths(call)]
        return [f"{what}: {one}" for one in wrong]

    @staticmethod
    def _query(call: Call, template: str, operation: dict[str, Any]) -> list[str]:
        declared = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
        wrong = []
        for name, value in call.query.items():
            if name in ALSO and ALSO[name].search(template):
                continue
            if name not in declared:
                wrong.append(f"query {name} is not declared")
            elif "conflictBehavior" in name and value not in ("fail", "replace", "rename"):
                wrong.append(f"conflictBehavior {value}")
        return wrong

    def _body(self, call: Call, operation: dict[str, Any]) -> list[str]:
        described = operation.get("requestBody")
        if described is None:
            return ["has a body"] if call.body else []
        if not call.body:
            return ["lacks a body"] if described.get("required") else []
        kind = (call.header("Content-Type") or "").split(";")[0]
        if kind not in described["content"]:
            return [f"content type {kind!r}"]
        if kind != "application/json":
            return []
        schema = described["content"][kind]["schema"]
        if not schema:
            return []
        return self._errors(schema, json.loads(call.body))

    def _errors(self, schema: dict[str, Any], body: Any) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]} if "$ref" not in schema else {
                "allOf": [schema], "components": self.document["components"]
            }  # fmt: skip
            self._validators[key] = OAS30Validator(whole)
        wrong = [error.message for error in self._validators[key].iter_errors(body)]
        if "$ref" in schema and schema["$ref"].endswith("driveItem") and isinstance(body, dict):
            known = self.document["components"]["schemas"]["microsoft.graph.driveItem"]["properties"]
            wrong += [f"unknown property {name}" for name in body if name not in known and name not in _OPEN]
        if isinstance(body, dict) and "requests" in body:
            wrong += self._batch(body["requests"])
        return wrong

    def _batch(self, requests: list[dict[str, Any]]) -> list[str]:
        wrong = [] if len(requests) <= 20 else ["more than 20 requests in a batch"]
        for one in requests:
            path, _, query = str(one["url"]).partition("?")
            body = json.dumps(one["body"]).encode() if "body" in one else b""
            wrong += self.check(Call(one["method"], "/v1.0" + path, query, one.get("headers", {}), body))
        return wrong


_OPEN = {"@microsoft.graph.conflictBehavior", "@odata.type"}


def canonical(path: str) -> str:
    """The address with drive and item as ids: /me/drive/root:/a/b:/content -> /drives/d/items/i/content."""
    address = re.sub(r"^/me/drive(?=/|$)", "/drives/d", path)
    address = re.sub(r"/(root|items/[^/:]+):/.*?(?::(/.*)?)?$", lambda m: f"/items/i{m[2] or ''}", address)
    return re.sub(r"/root/(?=(children|delta))", "/items/root/", address)


def _paths(call: Call) -> list[str]:
    by_path = re.search(r":/(.*?)(?::|$)", call.path)
    names = [unquote(name) for name in by_path[1].split("/")] if by_path else []
    if call.method == "GET":
        return ["an empty name in the path"] if "" in names else []
    return [f"name {name!r}" for name in names if ILLEGAL.search(name) or name.endswith((".", " ")) or not name]
