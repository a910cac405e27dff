"""The other host: pre-authenticated downloads and thumbnails, which refuse credentials."""

from __future__ import annotations

import re

from dedupe_app.demo.graph.drive import GraphError
from dedupe_app.demo.graph.state import State, Ticket
from dedupe_app.demo.graph.wire import Answer, Call


def answer(state: State, call: Call) -> Answer:
    """Answer one request to the content host."""
    try:
        if call.header("Authorization") and not state.quirks.content_takes_credentials:
            raise GraphError(401, "unauthenticated", "Unauthenticated")
        ticket = state.tickets.get(call.query.get("tempauth", ""))
        if ticket is None or ticket.expires <= state.clock.now():
            raise GraphError(state.quirks.expired_status, "unauthenticated", "The link has expired.")
        return _thumbnail(ticket) if ticket.edge else _download(state, call, ticket)
    except GraphError as error:
        return Answer.failed(error)


def _thumbnail(ticket: Ticket) -> Answer:
    rendered = ticket.content.thumbnail(ticket.edge, ticket.crop, ticket.upright)
    if rendered is None:
        raise GraphError(406, "generalException", "Substitution Stream found in slot", "SubStreamCached_GeneralFailure")
    return Answer(200, rendered, {"Content-Type": "image/jpeg"})


def _download(state: State, call: Call, ticket: Ticket) -> Answer:
    data = ticket.content.delivered()
    state.accounting.originals += 1
    wanted = re.match(r"^bytes=(\d+)-(\d*)$", call.header("Range") or "")
    kind = {"Content-Type": "application/octet-stream"}
    if not wanted or state.quirks.ignore_range:
        return Answer(200, data, kind)
    first = int(wanted[1])
    last = min(int(wanted[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[first : last + 1], {**kind, "Content-Range": f"bytes {first}-{last}/{len(data)}"})
