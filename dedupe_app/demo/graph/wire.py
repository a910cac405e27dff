"""Requests and answers as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from dedupe_app.demo.graph.drive import GraphError


@dataclass(frozen=True)
class Call:
    """One request. `path` is raw (still percent-encoded); `query` is decoded, names case-sensitive."""

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        """Decoded query parameters."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A header's value, names compared without case."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise GraphError(400, "invalidRequest", "Unable to read JSON request payload.") from error


@dataclass
class Answer:
    """One answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    units: int = 1

    @classmethod
    def of(cls, value: Any, status: int = 200, units: int = 1, headers: Mapping[str, str] | None = None) -> Answer:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}, units)

    @classmethod
    def failed(cls, error: GraphError) -> Answer:
        """An error as Graph writes it; `innererror` and `innerError` both occur."""
        inner: dict[str, Any] = {"date": "2026-06-01T00:00:00", "request-id": "x"}
        if error.inner:
            inner["code"] = error.inner
        key = "innererror" if len(error.code) % 2 else "innerError"
        body = {"error": {"code": error.code, "message": error.message, key: inner}}
        return cls.of(body, error.status, headers=error.headers)
