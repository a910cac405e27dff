"""What the routes share: the desk behind them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from dedupe_app.web.desk import Desk


def desk_of(request: Request) -> Desk:
    """The desk of the application that serves this request."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


Answer = Annotated[Desk, Depends(desk_of)]
