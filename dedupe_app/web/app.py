"""The application: routes under /api/v1, the page's own files, and the guard around both."""

from __future__ import annotations

import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from connectors.base import ConnectorError
from dedupe_app.cli.codes import Exit
from dedupe_app.doctor import version
from dedupe_app.web import control, groups, house, learn, photos, plans, service
from dedupe_app.web.desk import Desk
from dedupe_app.web.door import Door
from dedupe_app.web.guard import App, Guard, Keys
from dedupe_app.web.shapes import Problem
from dedupe_app.web.telling import failure, problem, refusal
from dedupe_app.web.texts import static_folder
from dedupe_app.web.work import Busy
from dedupe_core.apply import PlanRefused
from dedupe_core.plan import PlanError
from dedupe_core.sentences import Said
from dedupe_core.store import StoreError

API = "/api/v1"
_STATUS = {Exit.LOCKED: 423, Exit.SIGN_IN: 409, Exit.TEMPORARY: 503, Exit.USAGE: 422}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 413, 415, 422, 423, 500, 503)
}


def create_app(desk: Desk, keys: Keys, hosts: frozenset[str], door: Door | None = None) -> App:
    """The whole page for one desk. `hosts` are the values of Host that are ours ("127.0.0.1:8787"); with a `door`
    others may come who know its password."""
    return Guard(routes(desk, keys), keys, hosts, door)


def routes(desk: Desk, keys: Keys) -> FastAPI:
    """The application without its guard: for its OpenAPI document, and to be wrapped."""
    app = FastAPI(title="KeepOne", version=version(), openapi_url=f"{API}/openapi.json", docs_url=None, redoc_url=None)
    desk.script_token = keys.script
    app.state.desk = desk
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    for room in (groups, photos, plans, learn, house, service, control):
        app.include_router(room.router, prefix=API, responses=_REFUSALS)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(Busy, _busy)
    for kind in (StoreError, ConnectorError, PlanError, PlanRefused, sqlite3.Error, OSError, Exception):
        app.add_exception_handler(kind, _failed)
    app.get("/", include_in_schema=False)(_shell)
    app.get("/favicon.ico", include_in_schema=False)(_no_icon)
    app.mount("/static", StaticFiles(directory=static_folder()))
    return app


def _shell() -> FileResponse:
    return FileResponse(static_folder() / "index.html", media_type="text/html")


def _no_icon() -> Response:
    return Response(status_code=204)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, error.detail)


async def _misunderstood(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _problem(422, refusal("misunderstood", detail=f"{place}: {first['msg']}"))


async def _busy(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, Busy)
    return _problem(409, refusal("busy", kind=Said(error.kind, f"word.{error.kind}")))


async def _failed(request: Request, error: Exception) -> JSONResponse:
    del request
    code, sentence = failure(error)
    return _problem(_STATUS.get(code, 500), sentence)


def _problem(status: int, sentence: str) -> JSONResponse:
    return JSONResponse(problem(sentence), status)
