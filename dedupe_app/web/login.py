"""The page that asks for the password: one form, no script, in the languages of the page."""

from __future__ import annotations

import html
import json
from functools import cache
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response

from dedupe_app.web.texts import languages, static_folder

MOST_BYTES = 4096
_PAGE = """<!doctype html>
<html lang="{language}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>KeepOne</title>
    <link rel="stylesheet" href="/static/style.css" />
  </head>
  <body>
    <main class="refused">
      <h1>KeepOne</h1>
      {told}
      <form method="post" action="/login">
        <p><label for="password">{password}</label></p>
        <p><input id="password" name="password" type="password" autocomplete="current-password" required /></p>
        <p><button class="primary" type="submit">{enter}</button></p>
      </form>
    </main>
  </body>
</html>
"""


def login_page(accepted: str, status: int = 401, problem: str = "", seconds: int = 0) -> Response:
    """The form, in the first language of `accepted` (the header Accept-Language) that the page speaks. `problem` is the
    code of a refusal; with `seconds` it says how long to wait."""
    language = _language(accepted)
    texts = _texts(language)
    sentence = texts.get(f"said.refused.{problem}", "").replace("{seconds}", str(seconds))
    told = f'<p class="warning" role="alert">{html.escape(sentence)}</p>' if sentence else ""
    words = {name: html.escape(texts[f"login.{name}"]) for name in ("password", "enter")}
    body = _PAGE.format(language=language, told=told, **words)
    headers = {"referrer-policy": "same-origin"}  # without it a browser sends the form with no origin
    headers |= {"retry-after": str(seconds)} if seconds else {}
    return HTMLResponse(body, status, headers=headers)


def password_of(body: bytes) -> str:
    """The password in a form; "" when there is none."""
    try:
        found = parse_qs(body.decode("utf-8"), max_num_fields=5).get("password", [""])
    except ValueError:
        return ""
    return found[0]


def _language(accepted: str) -> str:
    spoken = languages()
    wanted = (part.partition(";")[0].strip().lower().partition("-")[0] for part in accepted.split(","))
    return next((one for one in wanted if one in spoken), "en")


@cache
def _texts(language: str) -> dict[str, str]:
    found = json.loads((static_folder() / "locales" / f"{language}.json").read_text("utf-8"))
    return {key: text for key, text in found.items() if isinstance(text, str)}
