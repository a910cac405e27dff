"""What the page is told in words: the English sentence, and beside it the code and values by which the page says it in
the language of whoever reads it. `REFUSALS` has every sentence with which a route refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from connectors.base import ConnectorError, SignInRequired, Unavailable
from dedupe_app.cli.codes import Exit
from dedupe_app.cli.errors import explain
from dedupe_app.web.recognise import recognised
from dedupe_core.apply import ApplyResult, PlanRefused
from dedupe_core.plan import PlanError
from dedupe_core.sentences import Said, said
from dedupe_core.store import Locked, StoreError
from dedupe_core.undo import UndoResult
from dedupe_core.words import readable

REFUSALS: Mapping[str, str] = {
    "old_list": "This list is of an earlier run. Load the page again.",
    "not_in_group": "These photos are not in this group any more. Load the page again.",
    "group_changed": "This group changed meanwhile. Look at it again.",
    "photo_changed": "A photo of this group changed. Look at it again.",
    "one_stays": "One photo of each group stays. Choose which.",
    "other_count": "It is {now} groups now, not {was}. Look at them again.",
    "no_decision": "There is no such decision.",
    "no_group": "This group is not there any more. Load the page again.",
    "no_source": "There is no such source.",
    "no_job": "There is no such job.",
    "no_service": "There is no such job in the configuration.",
    "model_off": "The model is switched off. Set embedding.mode to auto in config.yaml.",
    "busy": "KeepOne is busy ({kind}). Wait for it, or stop it.",
    "no_size": "There is no picture of this size.",
    "no_picture": "{reason}",
    "no_photo": "This photo changed or went away. Load the page again.",
    "plan_begun": "This plan was begun or has no such photo. Load the page again.",
    "decided_since": "What was decided changed since. Make the plan again.",
    "plan_done": "This plan was done or withdrawn. Make a new one.",
    "plan_count": "This plan puts away {is_now} photos, not {said}.",
    "no_plan": "There is no such plan. Make a new one.",
    "not_set_up": "This source is not set up now.",
    "misunderstood": "{detail}",
    "rule": "{detail}",
    "host": "This page answers only on the address that KeepOne printed.",
    "foreign": "Another web page may not ask this.",
    "not_signed_in": "Open the address that KeepOne printed when it started.",
    "used": "This address was used before. Stop KeepOne and run `keepone review` again.",
    "older": "The page is older than this server. Load it again.",
    "wrong_password": "That is not the password.",
    "too_often": "Too many wrong passwords. Wait {seconds} seconds.",
    "only_json": "Only JSON is understood here.",
    "too_much": "That is more than a person can have said.",
}
_MOST = 100
FAILURES = ("locked", "sign_in", "unavailable", "source", "plan", "database", "system", "fault")
"""What an error of the work itself is about; its own sentence goes with it as `detail`."""
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (Locked, "locked"),
    (SignInRequired, "sign_in"),
    (Unavailable, "unavailable"),
    (ConnectorError, "source"),
    (PlanError, "plan"),
    (PlanRefused, "plan"),
    (StoreError, "database"),
    (sqlite3.Error, "database"),
    (OSError, "system"),
)


def refusal(code: str, **values: Any) -> Said:
    """The sentence of a refusal."""
    return Said(readable(REFUSALS[code].format(**values)), f"refused.{code}", values)


def refuse(status: int, code: str, **values: Any) -> HTTPException:
    """An error to raise: its sentence is what the page shows."""
    return HTTPException(status, refusal(code, **values))


def failure(error: BaseException) -> tuple[Exit, Said]:
    """The exit status that an error would have in a terminal, and its sentence with what it is about."""
    code, sentence = explain(error)
    kind = next((name for known, name in _KINDS if isinstance(error, known)), "fault")
    return code, Said(readable(sentence), f"failed.{kind}", {"detail": recognised(readable(sentence))})


def codes(**texts: str) -> dict[str, Any]:
    """Code and values of each of these fields that is a sentence with a code."""
    return {name: clean(text.to_json()) for name, text in texts.items() if isinstance(text, Said) and text.code}


def note(text: str) -> dict[str, Any]:
    """A sentence in the result of a piece of work."""
    return {"text": readable(text), "said": codes(text=recognised(text))}


def notes(result: ApplyResult | UndoResult) -> list[dict[str, Any]]:
    """What became of the photos of a plan, as far as there is something to say; no more than a page can show."""
    told = [one for one in (*result.outcomes, *result.gifts) if one.sentence and one.state != "already"]
    placed = [said("step.at", place=one.shown or one.key, what=one.sentence) for one in told]
    return [note(one) for one in (*result.settled, *placed, *filter(None, [result.stopped]))][:_MOST]


def problem(sentence: str) -> dict[str, Any]:
    """The body of a refusal."""
    found = codes(error=sentence)
    return {"error": readable(sentence), **({"said": found} if found else {})}


def lean(value: Any) -> Any:
    """An answer for a page that has every sentence by its code: without the English of what has one."""
    if isinstance(value, list):
        return [lean(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "code" in value and "values" in value:
        return {"code": value["code"], **({"values": lean(value["values"])} if value["values"] else {})}
    coded = value.get("said") or {}
    kept = {name: one for name, one in value.items() if name != "said" or coded}
    return {name: "" if name in coded else lean(one) for name, one in kept.items()}


def clean(value: Any) -> Any:
    """With every text in it readable: a name that is no UTF-8 is no JSON either."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {name: clean(one) for name, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, list | tuple) else value
