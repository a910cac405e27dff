"""What a person decides is kept, counts once, can be taken back, and puts away nothing by itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dedupe_app.config import Config, SourceConfig
from dedupe_app.library import Library
from dedupe_app.web.deciding import everybody, note, take_back
from dedupe_app.web.shelf import Card, Shelf, lay
from dedupe_app.web.sieve import Wanted, sieved
from dedupe_core import decided
from dedupe_core.decided import decided_plan, verdict
from dedupe_core.model import Plan
from dedupe_core.plan import PROTECTED_PLACE
from dedupe_core.store.decisions import Decision, assigned, mark_of
from tests.web.conftest import Page
from tests.web.many import many_groups


def first(page: Page, lane: str) -> Any:
    return page.get("/groups", lane=lane)["items"][0]


def test_the_same_decision_twice_counts_once(page: Page) -> None:
    group = first(page, "identical")
    one, two = page.accept(group), page.accept(group)
    assert one["undo_token"] == two["undo_token"]
    assert len(page.get("/decisions")["items"]) == 1
    assert two["summary"]["planned_photos"] == sum(not photo["keep"] for photo in group["photos"])


def test_a_decision_on_an_old_view_is_answered_with_the_group_as_it_is(page: Page) -> None:
    group = first(page, "identical")
    page.accept(group)
    other = page.accept(group, [group["photos"][-1]["id"]], status=409)
    assert "changed meanwhile" in other["error"]
    assert other["group"]["version"] != group["version"]
    assert page.accept(other["group"], [group["photos"][-1]["id"]])["group"]["photos"][0]["keep"] is False


def test_one_photo_of_each_group_stays(page: Page) -> None:
    assert "stays" in page.accept(first(page, "identical"), [], status=422)["error"]


def test_a_photo_of_another_group_decides_nothing(page: Page) -> None:
    here, there = page.get("/groups", lane="identical")["items"][:2]
    assert page.accept(here, [there["photos"][0]["id"]], status=409)["group"]["status"] == "open"
    assert page.get("/summary")["lanes"]["identical"]["decided"] == 0


def test_taking_back_brings_the_decision_before(page: Page) -> None:
    group = first(page, "identical")
    one = page.accept(group)
    body = {"group_id": group["id"], "version": one["group"]["version"], "verb": "not_duplicates"}
    two = page.post("/decisions", body)
    back = page.post("/undo", {"undo_token": two["undo_token"]})
    assert (back["count"], back["groups"][0]["verb"]) == (1, "keep")
    assert page.post("/undo", {"undo_token": two["undo_token"]})["count"] == 0
    page.post("/undo", {"undo_token": one["undo_token"]})
    assert page.get(f"/groups/{group['id']}")["status"] == "open"
    assert page.get("/summary")["planned_bytes"] == 0
    page.post("/undo", {"undo_token": "unheard of"}, status=404)


def test_a_dry_run_notes_nothing_and_the_real_one_needs_its_number(page: Page) -> None:
    body = {"filter": {"lane": "identical"}, "verb": "accept"}
    before = page.get("/summary")
    dry = page.post("/decisions/bulk", body)
    assert dry["groups"] == before["lanes"]["identical"]["groups"] > 10
    assert dry["bytes"] == before["lanes"]["identical"]["bytes"]
    assert page.get("/summary") == before
    page.post("/decisions/bulk", {**body, "dry_run": False, "expected_groups": 1}, status=409)
    done = page.post("/decisions/bulk", {**body, "dry_run": False, "expected_groups": dry["groups"]})
    assert done["summary"]["planned_bytes"] == dry["bytes"]
    assert page.post("/undo", {"undo_token": done["undo_token"]})["count"] == dry["groups"]
    assert page.get("/summary") == before


@pytest.mark.parametrize("lane", ["similar", "sets"])
def test_what_needs_eyes_is_never_accepted_in_bulk(page: Page, lane: str) -> None:
    dry = page.post("/decisions/bulk", {"filter": {"lane": lane}, "verb": "accept"})
    assert (dry["groups"], dry["photos"]) == (0, 0)
    assert dry["left_open"] > 0


def test_a_list_stays_as_it_is_while_groups_are_decided(page: Page) -> None:
    whole = page.get("/groups", lane="identical", limit=5)
    page.accept(whole["items"][0])
    again = page.get("/groups", cursor=f"{whole['list']}.0", limit=5)
    assert [group["id"] for group in again["items"]] == [group["id"] for group in whole["items"]]
    assert again["items"][0]["status"] == "decided"
    assert page.get("/groups", lane="identical", limit=5)["total"] == whole["total"] - 1
    assert page.client.get("/api/v1/groups", params={"cursor": "nothing.0"}).status_code == 410


def test_every_group_comes_once_through_the_cursors(page: Page) -> None:
    seen, cursor = [], ""
    while True:
        part = page.get("/groups", status="all", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [group["id"] for group in part["items"]]
        cursor = part["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == part["total"]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"sort": "bytes"}, lambda gs: [g["bytes"] for g in gs] == sorted((g["bytes"] for g in gs), reverse=True)),
        ({"sort": "size"}, lambda gs: [len(g["photos"]) for g in gs] == sorted(len(g["photos"]) for g in gs)),
        ({"q": "whatsapp"}, lambda gs: all("whatsapp" in json.dumps(g).casefold() for g in gs)),
        ({"min_bytes": 90_000}, lambda gs: all(g["bytes"] >= 90_000 for g in gs)),
        ({"taken": "2024"}, lambda gs: len(gs) > 0),
        ({"taken": "1999"}, lambda gs: not gs),
        ({"across": True}, lambda gs: not gs),
        ({"source": "nobody"}, lambda gs: not gs),
    ],
)
def test_lists_are_sorted_and_filtered(
    page: Page, query: dict[str, Any], holds: Callable[[Sequence[Any]], bool]
) -> None:
    assert holds(page.get("/groups", status="all", **query)["items"])


def test_a_plan_holds_what_was_decided_and_nothing_else(page: Page) -> None:
    groups = page.get("/groups", lane="same")["items"][:2]
    page.accept(groups[0])
    everything = [photo["id"] for photo in groups[1]["photos"]]
    page.accept(groups[1], everything)
    plan = page.post("/plans")
    assert plan["photos"] == sum(not photo["keep"] for photo in groups[0]["photos"])
    steps = page.get(f"/plans/{plan['id']}/items")["items"]
    assert {step["group"] for step in steps} == {groups[0]["id"]}
    exported = page.client.get(f"/api/v1/plans/{plan['id']}/export")
    assert exported.json()["id"] == plan["id"]
    assert "attachment" in exported.headers["content-disposition"]


def test_only_the_number_that_was_shown_starts_the_plan(page: Page) -> None:
    page.accept(first(page, "identical"))
    plan = page.post("/plans")
    page.post(f"/plans/{plan['id']}/apply", {"confirm_count": plan["photos"] + 1}, status=409)
    assert page.get(f"/plans/{plan['id']}")["state"] == "planned"


def test_a_similar_picture_goes_when_a_person_says_so_and_comes_back(page: Page) -> None:
    group = first(page, "similar")
    page.accept(group, [group["photos"][0]["id"]])
    plan = page.post("/plans")
    assert [step["relation"] for step in page.get(f"/plans/{plan['id']}/items")["items"]] == ["similar"]
    job = page.finished(page.post(f"/plans/{plan['id']}/apply", {"confirm_count": 1}, status=202))
    assert job["result"]["done"] == 1, job
    assert page.client.get(f"/api/v1/groups/{group['id']}").status_code == 404
    back = page.finished(page.post(f"/runs/{plan['id']}/undo", status=202))
    assert back["result"]["restored"] == 1, back
    assert page.get(f"/groups/{group['id']}")["id"] == group["id"]
    page.post(f"/plans/{plan['id']}/apply", {"confirm_count": 1}, status=409)


def draw(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((160, 120), 40 + seed).convert("RGB").save(file)


@pytest.fixture
def pictures(tmp_path: Path) -> Config:
    """Two groups of identical files: three of one, two of another."""
    root = tmp_path / "photos"
    draw(root / "a/one.png", 1)
    draw(root / "a/two.png", 2)
    for place in ("b/one copy.png", "c/one again.png"):
        (root / place).parent.mkdir(exist_ok=True)
        shutil.copy2(root / "a/one.png", root / place)
    shutil.copy2(root / "a/two.png", root / "b/two copy.png")
    return config_of(tmp_path)


def config_of(folder: Path) -> Config:
    source = SourceConfig(name="photos", kind="local", options={"path": str(folder / "photos")})
    config = Config(data=folder / "data", sources=(source,))
    levels = config.settings.model_copy(update={"levels": ("exact",)})
    return config.model_copy(update={"settings": levels})


def shelved(library: Library) -> Shelf:
    library.scan()
    return lay(library.store)


def of_size(shelf: Shelf, size: int) -> Card:
    return next(card for card in shelf.cards.values() if len(card.members) == size)


def keys(card: Card, rows: Sequence[int]) -> set[str]:
    return {member.key for member in card.members if member.row in rows}


def test_a_decision_survives_renaming_and_another_scan(pictures: Config, tmp_path: Path) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        card = of_size(shelf, 2)
        note(library.store, shelf, [(card, "keep", {next(m.row for m in card.members if m.key.startswith("a/"))})])
        (tmp_path / "photos/a/two.png").rename(tmp_path / "photos/a/renamed.png")
        again = of_size(shelved(library), 2)
    assert again.group.id != card.group.id
    assert again.decided
    assert keys(again, again.keep) == {"a/renamed.png"}
    assert keys(again, again.drop) == {"b/two copy.png"}


def test_another_copy_opens_the_question_again(pictures: Config, tmp_path: Path) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        note(library.store, shelf, [everybody(of_size(shelf, 2), "keep_all")])
        assert of_size(lay(library.store), 2).decided
        shutil.copy2(tmp_path / "photos/a/two.png", tmp_path / "photos/c/came back.png")
        shelf = shelved(library)
    assert [card.decided for card in shelf.cards.values()] == [False, False]


def test_photos_that_were_kept_side_by_side_are_not_asked_again_when_the_third_went(pictures: Config) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        card = of_size(shelf, 3)
        stay = {member.row for member in card.members if not member.key.startswith("c/")}
        note(library.store, shelf, [(card, "keep", stay)])
        library.apply(plan_of(library, lay(library.store)))
        shelf = shelved(library)
    decided = {member.key for card in shelf.cards.values() if card.decided for member in card.members}
    assert decided == {"a/one.png", "b/one copy.png"}


def plan_of(library: Library, shelf: Shelf) -> Plan:
    found = []
    for card in shelf.cards.values():
        choice = library.store.runs.one(shelf.run, card.group.id)
        photos = library.store.assets.photos(member.row for member in card.members)
        assert choice is not None
        read = verdict(choice, card.decision, photos) if card.decision else None
        found += [read] if read else []
    return decided_plan(library.store, library.settings, found)


def test_two_decisions_that_contradict_each_other_put_nothing_away(pictures: Config) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        card = of_size(shelf, 2)
        choice = library.store.runs.one(shelf.run, card.group.id)
        assert choice is not None
        a, b = (member.row for member in card.members)
        circle = [decided.Verdict(choice, (a,), (b,)), decided.Verdict(choice, (b,), (a,))]
        plan = decided_plan(library.store, library.settings, circle)
    assert not plan.steps
    assert plan.skipped == {decided.IN_A_CIRCLE: 2}


def test_where_a_keeper_goes_too_the_one_that_stays_in_the_end_is_the_keeper(pictures: Config) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        card = of_size(shelf, 3)
        choice = library.store.runs.one(shelf.run, card.group.id)
        assert choice is not None
        a, b, c = (member.row for member in card.members)
        plan = decided_plan(
            library.store, library.settings, [decided.Verdict(choice, (b,), (c,)), decided.Verdict(choice, (a,), (b,))]
        )
    assert {step.keeper.id.key for step in plan.steps} == keys(card, [a])
    assert {step.asset.id.key for step in plan.steps} == keys(card, [b, c])


def test_nothing_goes_from_a_protected_place_whoever_decided_it(pictures: Config) -> None:
    planning = pictures.settings.planning.model_copy(update={"protected": ("b",)})
    config = pictures.model_copy(update={"settings": pictures.settings.model_copy(update={"planning": planning})})
    with Library.open(config) as library:
        shelf = shelved(library)
        card = of_size(shelf, 2)
        kept = next(member.row for member in card.members if member.key.startswith("a/"))
        note(library.store, shelf, [(card, "keep", {kept})])
        plan = plan_of(library, lay(library.store))
    assert (plan.steps, plan.skipped) == ((), {PROTECTED_PLACE: 1})


def test_what_one_plan_cannot_hold_is_left_for_the_next(pictures: Config) -> None:
    planning = pictures.settings.planning.model_copy(update={"max_items": 2})
    config = pictures.model_copy(update={"settings": pictures.settings.model_copy(update={"planning": planning})})
    with Library.open(config) as library:
        shelf = shelved(library)
        note(library.store, shelf, [(card, "keep", {card.members[0].row}) for card in shelf.cards.values()])
        plan = plan_of(library, lay(library.store))
        assert (len(plan.steps), plan.skipped[decided.LATER]) == (2, 1)
        library.apply(plan)
        assert len(plan_of(library, lay(library.store)).steps) == 1


def test_nobody_can_note_that_nobody_stays(pictures: Config) -> None:
    with Library.open(pictures) as library:
        shelf = shelved(library)
        with pytest.raises(ValueError, match="stays"):
            note(library.store, shelf, [(of_size(shelf, 2), "keep", set())])
        assert take_back(library.store, shelf, "nothing") is None


def test_the_sums_of_the_shelf_are_those_of_its_cards_whatever_is_decided(tmp_path: Path) -> None:
    with Library.open(many_groups(tmp_path / "data", 60)) as library:
        shelf = lay(library.store)
        found = [shelf.cards[one] for one in sieved(shelf.cards.values(), Wanted(), {})]
        tokens = [note(library.store, shelf, [(card, "keep", {card.members[0].row})]) for card in found[:20]]
        tokens.append(note(library.store, shelf, [everybody(card, "keep_all") for card in found[10:30]]))
        for token in tokens[::3]:
            take_back(library.store, shelf, token)
        fresh = lay(library.store)
    assert fresh.lanes == shelf.lanes
    assert fresh.planned == shelf.planned
    assert {name: card.drop for name, card in fresh.cards.items()} == {n: card.drop for n, card in shelf.cards.items()}


PLACES = st.tuples(st.sampled_from(["x", "y"]), st.sampled_from("abcdef"), st.sampled_from(["1", "2", "3"]))


@given(st.lists(PLACES, unique=True, min_size=2, max_size=6), st.data())
def test_an_old_decision_never_puts_away_more_than_it_named_and_never_everybody(
    there: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    before = data.draw(st.lists(PLACES, unique=True, min_size=2, max_size=6))
    count = data.draw(st.integers(0, len(before) - 1))
    decision = Decision("g", mark_of([]), "keep", tuple(before[count:]), tuple(before[:count]), 0, "t")
    found = assigned(decision, there)
    if found is None:
        return
    stay, go = found
    assert stay
    assert sorted(stay + go) == list(range(len(there)))
    named = [content for _, _, content in decision.drop]
    for at in go:
        named.remove(there[at][2])
