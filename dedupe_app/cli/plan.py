"""`keepone plan`: what would go and why. Nothing is changed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, chosen_relations, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Config
    from dedupe_app.library import Library
    from dedupe_core.model import Plan

_FEW = 10
_NO_WAY_BACK = " (which KeepOne cannot undo)"
_LANES = click.Choice(["identical", "same", "similar", "sets"])


@click.command(cls=Command)
@click.option(
    "--lane", "lanes", multiple=True, type=_LANES, help="Only this lane; the configuration's relations by default."
)
@click.option("--group", "groups", multiple=True, metavar="ID", help="Only this group; may be given more than once.")
@click.option(
    "--decided", is_flag=True, help="What was decided in `keepone review`, instead of what the rules suggest."
)
@click.option("--action", type=click.Choice(["trash", "move"]), help="trash: each source's own recoverable trash.")
@click.option("--to", "folder", metavar="FOLDER", help="With move: the folder's name, inside the folder of each photo.")
@click.option(
    "--carry", is_flag=True, help="Photos that stay take over albums, keywords, favourite, title and place (Photos)."
)
@click.option("-o", "--output", metavar="FILE", help="Also write the plan to this file, for `keepone apply FILE`.")
@click.option("--fail-if-empty", is_flag=True, help="Exit with status 4 when nothing would go.")
@pass_session
def plan(session: Session, lanes: tuple[str, ...], groups: tuple[str, ...], **wanted: Any) -> int:
    """Decide what would go; nothing is changed. Similar photos and series are never planned by themselves."""
    if wanted["folder"] and wanted["action"] not in (None, "move"):
        raise click.UsageError("--to names the folder of --action move.")
    if wanted["decided"] and (lanes or groups or wanted["carry"]):
        raise click.UsageError("--decided plans all that was decided; leave --lane, --group and --carry out.")
    config = with_action(session.loaded.config, wanted["action"], wanted["folder"])
    relations = chosen_relations(lanes) if lanes else config.settings.planning.relations
    with session.library(config) as library:
        if wanted["decided"]:
            made = _decided(library)
        else:
            made = library.plan(relations, groups or None, carry=wanted["carry"])
        if wanted["output"] and made.steps:
            _write(made, Path(wanted["output"]))
        _say(session, library, made, wanted["output"])
    session.out.document(plan_json(made), (_step_json(step) for step in made.steps), "plan")
    return Exit.NOTHING_TO_DO if wanted["fail_if_empty"] and not made.steps else Exit.OK


def _decided(library: Library) -> Plan:
    """The plan of what a person decided, as the review page makes it."""
    from dedupe_app.web.deciding import planned
    from dedupe_app.web.shelf import lay

    return planned(library, lay(library.store))


def with_action(config: Config, action: str | None, folder: str | None) -> Config:
    """The configuration with the command line's action."""
    change: dict[str, Any] = {}
    if action or folder:
        change["action"] = "delete" if action == "trash" else "move"
    if folder:
        change["folder"] = folder
    planning = config.settings.planning.model_copy(update=change)
    return config.model_copy(update={"settings": config.settings.model_copy(update={"planning": planning})})


def _write(made: Plan, file: Path) -> None:
    from dedupe_app.sources import replace_text
    from dedupe_core.store.plans import plan_to_json

    replace_text(file, json.dumps(plan_to_json(made), indent=1) + "\n")


def _say(session: Session, library: Library, made: Plan, output: str | None) -> None:
    from dedupe_app.cli.output import number
    from dedupe_core.words import bytes_text

    say = session.out.say
    skipped = [f"{number(count)} left out: {reason}" for reason, count in made.skipped.items() if count]
    if not made.steps:
        say(" nothing to put away")
        for line in skipped:
            say(f"   {line}")
        return
    short = made.id[:12]
    count, freed = number(len(made.steps)), bytes_text(made.bytes)
    say(f" plan {short}  {count} {plural(made)} → {target_words(made, library)}, {freed} freed")
    why = Counter(_ground(step.reason) for step in made.steps).most_common(4)
    say("   why: " + " · ".join(f"{ground} {number(count)}" for ground, count in why))
    for line in (*skipped, *_gifts(session, made)):
        say(f"   {line}")
    say(f" Next: keepone apply {output or short}   nothing has been changed.")


def _gifts(session: Session, made: Plan) -> list[str]:
    """What photos that stay would get; the first few, all with -v."""
    from dedupe_core.gifts import told
    from dedupe_core.words import readable

    lines = [readable(line) for line in told(made)]
    if session.verbose or len(lines) <= _FEW:
        return lines
    return [*lines[:_FEW], f"… {len(lines) - _FEW} more (-v lists all)"]


def plural(made: Plan) -> str:
    """ "photo" or "photos"."""
    return "photo" if len(made.steps) == 1 else "photos"


def target_words(made: Plan, library: Library) -> str:
    """Where a plan's photos go, in words, and whether `keepone undo` can bring them back."""
    connectors = library.connectors()
    trashes = sorted({step.asset.id.source for step in made.steps if step.verb == "delete"})
    told = [f"the trash of {name}{'' if connectors[name].features.restore else _NO_WAY_BACK}" for name in trashes]
    folders = sorted({step.target.rpartition("/")[2] for step in made.steps if step.verb == "move"})
    albums = sorted({step.target for step in made.steps if step.verb == "tag"})
    told += [f"folders {name!r} beside the photos" for name in folders]
    return " and ".join([*told, *(f"the album {name!r}, where they stay what they are" for name in albums)])


def _ground(reason: str) -> str:
    """The rule's words without the two values: "larger picture"."""
    from dedupe_core.words import readable

    return readable(reason.split(":", 1)[0].strip()) or "equal"


def plan_json(made: Plan) -> dict[str, Any]:
    """A plan as `keepone plan --json` prints it."""
    return {
        "id": made.id,
        "created_at": made.created_at,
        "photos": len(made.steps),
        "bytes": made.bytes,
        "skipped": dict(made.skipped),
        "steps": [_step_json(step) for step in made.steps],
        "gifts": [_step_json(step) for step in made.gifts],
    }


def _step_json(step: Any) -> dict[str, Any]:
    return {
        "message_type": "step",
        "number": step.number,
        "source": step.asset.id.source,
        "key": step.asset.id.key,
        "size": step.asset.size,
        "verb": step.verb,
        "target": step.target,
        "keeper_source": step.keeper.id.source,
        "keeper_key": step.keeper.id.key,
        "relation": step.relation,
        "group": step.group,
        "reason": step.reason,
    }
