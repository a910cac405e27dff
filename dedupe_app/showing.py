"""Groups as HTML for notebooks: inline styles only, thumbnails as data addresses, every name escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from dedupe_app.views import GroupView, PhotoView
from dedupe_core.words import bytes_text, readable

EDGE, SHOWN_PHOTOS = 160, 8
COLOURS = {"keep": "#2e9e5b", "drop": "#c4553a", "review": "#b5942b"}
WORDS = {"keep": "keep", "drop": "put away", "review": "you decide"}


def short(name: str, most: int = 24) -> str:
    """A name that fits: its beginning and its end."""
    shown = readable(name)
    return shown if len(shown) <= most else f"{shown[: most // 2]}…{shown[-most // 2 + 1 :]}"


def frame(html: str) -> str:
    """Inline styles only, and no colour of our own for text: a notebook's theme stays in charge."""
    return f'<div style="font-size:13px;line-height:1.4">{html}</div>'


def group_html(group: GroupView, pictures: Mapping[int, bytes]) -> str:
    """One group with its first photos; `pictures` are thumbnails by row."""
    photos = "".join(_photo_html(photo, pictures[photo.row]) for photo in group.members[:SHOWN_PHOTOS])
    more = len(group.members) - SHOWN_PHOTOS
    rest = f"… {more} more" if more > 0 else ""
    head = f"<b>{escape(group.relation)}</b> {group.score:.2f} · {escape(readable(group.reason))}"
    frees = f" · frees {bytes_text(group.frees)}" if group.frees else ""
    return (
        f'<div style="border-top:1px solid #8886;padding:6px 0">{head}{frees} <code>{escape(group.id)}</code>'
        f'<div style="display:flex;flex-wrap:wrap;gap:10px;margin-top:4px">{photos}{rest}</div></div>'
    )


def _photo_html(photo: PhotoView, picture: bytes) -> str:
    colour = COLOURS[photo.role]
    outline = f"outline:3px solid {colour}" if photo.role == "keep" else "outline:1px solid #8886"
    uri = base64.b64encode(picture).decode()
    about = f"{photo.width} × {photo.height}, {bytes_text(photo.size)}"
    return (
        f'<figure style="width:{EDGE}px;margin:0;overflow-wrap:anywhere" title="{escape(readable(photo.path))}">'
        f'<img alt="" src="data:image/webp;base64,{uri}" style="max-width:{EDGE}px;max-height:{EDGE}px;{outline}">'
        f'<figcaption><b style="color:{colour}">{WORDS[photo.role]}</b> {escape(short(photo.name, 40))}<br>'
        f"{about}<br><small>{escape(readable(photo.reason))}</small></figcaption></figure>"
    )
