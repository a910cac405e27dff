"""`keepone rules`: who stays, in which order the rules ask, and what another order would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.library import Library
    from dedupe_core.settings import Settings


@click.group(cls=Group)
def rules() -> None:
    """Show and try the rules of who stays."""


@rules.command("list")
@pass_session
def list_(session: Session) -> int:
    """List every rule; those of the configuration first, in the order in which they ask."""
    from dedupe_app.cli.output import table
    from dedupe_core.rules import RULES, resolve

    used = resolve(session.loaded.config.settings.keeping.rules)
    rows = [[str(number), rule.name, rule.tells] for number, rule in enumerate(used, 1)]
    rows += [["–", rule.name, rule.tells] for rule in RULES if rule not in used]
    session.out.show(table(rows, right=(0,)))
    listed = [
        {"order": None if order == "–" else int(order), "name": name, "tells": tells} for order, name, tells in rows
    ]
    session.out.document({"rules": listed}, ({"message_type": "rule", **rule} for rule in listed))
    return Exit.OK


@rules.command("test")
@click.option("--rules", "names", metavar="A,B,C", help="This order instead of the configuration's.")
@click.option("--folders", metavar="A,B", help="These folders first, for the rule folder_priority.")
@pass_session
def test(session: Session, names: str | None, folders: str | None) -> int:
    """Say which groups would keep another photo under another order. Nothing is changed."""
    from dedupe_core.rules import resolve

    settings = _changed(session.loaded.config.settings, names, folders)
    resolve(settings.keeping.rules)  # an unknown rule is an error also where there is no group to try it on
    with session.library() as library:
        changes, looked_at = _changes(library, settings)
    for change in changes:
        session.out.show(
            f" {change['group'][:12]}  keeps {change['keeps']}\n   instead of {change['kept']}\n   {change['reason']}"
        )
    session.out.say(f" {len(changes)} of {looked_at} groups would keep another photo; nothing has been changed.")
    lines = ({"message_type": "change", **change} for change in changes)
    session.out.document({"groups": looked_at, "changes": changes}, lines)
    return Exit.OK


def _changed(settings: Settings, names: str | None, folders: str | None) -> Settings:
    change: dict[str, Any] = {}
    if names:
        change["rules"] = tuple(name.strip() for name in names.split(","))
    if folders:
        change["folders"] = tuple(folder.strip() for folder in folders.split(","))
    return settings.model_copy(update={"keeping": settings.keeping.model_copy(update=change)})


def _changes(library: Library, settings: Settings) -> tuple[list[dict[str, str]], int]:
    """The groups of the newest run, chosen again."""
    from dedupe_app.views import photo_view
    from dedupe_core.keep import choose

    changes, looked_at, connectors = [], 0, library.connectors()
    for choice in library.store.runs.choices():
        looked_at += 1
        photos = library.store.assets.photos(choice.group.members)
        again = choose(choice.group, photos, settings.keeping)
        if again.keep != choice.keep:
            keeps, kept = (photo_view(photos[row], None, connectors).path for row in (again.keep, choice.keep))
            changes.append({"group": choice.group.id, "keeps": keeps, "kept": kept, "reason": again.reason})
    return changes, looked_at
