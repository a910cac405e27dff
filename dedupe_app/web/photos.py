"""Routes of pictures: by opaque id, out of our own cache, always drawn anew by us and never the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi import Path as InPath
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dedupe_app.web.answers import Answer
from dedupe_app.web.desk import EDGES, Desk, NoPicture, photo_id, row_of
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import Problem
from dedupe_app.web.telling import refuse
from dedupe_core.model import Photo

router = APIRouter()
_FOREVER = "private, max-age=31536000, immutable"
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}, "description": "the picture"}}


@router.get(
    "/photos/{identity}/{edge}.webp",
    response_class=Response,
    responses={**_PICTURE, 304: {"description": "as you have it"}, 404: {"model": Problem}},
)
async def picture(
    desk: Answer,
    identity: Annotated[str, InPath(max_length=40)],
    edge: Annotated[int, InPath(ge=1, le=10_000)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A photo's picture, its long side at most 320, 1600 or 4096 pixels. The id is bound to the content, so that an
    address never shows another picture and may be kept for good. Where there is no picture to be had, the
    answer is the reason."""
    if edge not in EDGES:
        raise refuse(404, "no_size")
    mark = f'"{identity}-{edge}"'
    if if_none_match == mark:
        return Response(status_code=304, headers={"etag": mark, "cache-control": _FOREVER})
    photo = await run_in_threadpool(_photo, desk, identity)
    kept = desk.darkroom.kept(photo, edge)
    data = await run_in_threadpool(_read_or_draw, desk, photo, edge, kept)
    lasting = desk.darkroom.kept(photo, edge) is not None
    headers = {"etag": mark, "cache-control": _FOREVER} if lasting else {"cache-control": "no-store"}
    return Response(data, media_type="image/webp", headers=headers)


def _photo(desk: Desk, identity: str) -> Photo:
    row = row_of(identity)
    if row is not None:
        with desk.store_lock() as library:
            photo = library.store.assets.photos([row]).get(row)
        if photo is not None and photo_id(photo) == identity:
            return photo
    raise refuse(404, "no_photo")


def _read_or_draw(desk: Desk, photo: Photo, edge: int, kept: Path | None) -> bytes:
    try:
        return kept.read_bytes() if kept is not None else desk.darkroom.draw(photo, edge)
    except NoPicture as error:
        raise refuse(404, "no_picture", reason=recognised(str(error))) from error
