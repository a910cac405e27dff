"""What the routes share: the desk behind them, and errors as one sentence."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from dedupe_app.web.desk import Desk


def desk_of(request: Request) -> Desk:
    """The desk of the application that serves this request."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


Answer = Annotated[Desk, Depends(desk_of)]


def refuse(status: int, sentence: str) -> HTTPException:
    """An error to raise: its sentence is what the page shows."""
    return HTTPException(status, sentence)
