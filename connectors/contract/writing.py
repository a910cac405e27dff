"""The rules of writing: nothing without its precondition, everything undoable, nothing overwritten."""

from __future__ import annotations

import time

from connectors.base import FAVORITE, AssetId, Changed, NotFound, Receipt
from connectors.contract.source import (
    GIFTS,
    Source,
    contents,
    listed,
    needs,
    only,
    photo,
    raises,
    told,
    verbs_of,
    write,
)


class WritingRules:
    """What delete, move, tag and restore do, and what they never do."""

    def test_what_changed_since_it_was_seen_is_not_touched(self, source: Source) -> None:
        """By none of the writes."""
        verbs = verbs_of(source)
        for verb in verbs:
            source.put(f"{verb}.png", photo(1), "x")
            asset = only(source, f"{verb}.png", "x")
            time.sleep(0.02)
            source.change(f"{verb}.png", photo(2), "x")
            before = source.state()
            with raises(Changed):
                write(source, verb, asset, f"changed-{verb}")
            assert source.state() == before, f"{verb} was refused and did something"

    def test_what_is_gone_is_not_found(self, source: Source) -> None:
        """By none of the writes."""
        source.put("stays.png", photo(0))
        for verb in verbs_of(source):
            source.put(f"{verb}.png", photo(1))
            asset = only(source, f"{verb}.png")
            source.remove(f"{verb}.png")
            before = source.state()
            with raises(NotFound, Changed):
                write(source, verb, asset, f"gone-{verb}")
            assert source.state() == before

    def test_deleting_twice_happens_once(self, source: Source) -> None:
        """The second time there is nothing to delete."""
        needs(source, "delete")
        source.put("a.png", photo(1))
        source.put("b.png", photo(2))
        asset = only(source, "a.png")
        source.connector.delete(asset, "first")
        after = source.state()
        with raises(NotFound, Changed):
            source.connector.delete(asset, "second")
        assert source.state() == after
        assert listed(source.connector).names() == {"/b.png"}

    def test_delete_and_restore_is_identity(self, source: Source) -> None:
        """Bytes, name, place, times; and the listing has it again."""
        needs(source, "delete", "restore")
        for name in ("a.png", *source.nasty_names):
            source.put(name, photo(1), "x/y")
        before = source.state()
        for number, asset in enumerate(listed(source.connector).assets.values()):
            receipt = told(source.connector.delete(asset, f"there-and-back-{number}"))
            assert source.state() != before
            with raises(NotFound):
                source.connector.look(asset.id)
            back = source.connector.restore(receipt)
            assert (back.name, back.folder) == (asset.name, asset.folder)
            assert source.state() == before

    def test_restoring_twice_is_restoring_once(self, source: Source) -> None:
        """Whatever was written."""
        needs(source, "restore")
        source.put("stays.png", photo(0))
        for verb in verbs_of(source):
            source.put(f"{verb}.png", photo(1), "x")
            before = source.state()
            receipt = told(write(source, verb, only(source, f"{verb}.png", "x"), f"twice-{verb}"))
            first = source.connector.restore(receipt)
            assert source.state() == before
            assert source.connector.restore(receipt).id == first.id
            assert source.state() == before

    def test_restoring_never_overwrites(self, source: Source) -> None:
        """Both photos are there in the end."""
        needs(source, "delete", "restore")
        source.put("a.png", photo(1), "x")
        receipt = source.connector.delete(only(source, "a.png", "x"), "taken")
        source.put("a.png", photo(2), "x")
        back = source.connector.restore(told(receipt))
        assert back.name != "a.png"
        assert contents(source) == sorted([photo(1), photo(2)])
        with source.connector.open(only(source, "a.png", "x")) as handle:
            assert handle.read() == photo(2)

    def test_moving_goes_where_it_says_and_never_overwrites(self, source: Source) -> None:
        """A taken name gets a number."""
        needs(source, "move")
        source.put("a.png", photo(1))
        source.put("a.png", photo(2), "elsewhere")
        receipt = source.connector.move(only(source, "a.png"), "elsewhere", "moving")
        found = listed(source.connector)
        assert {asset.folder for asset in found.assets.values()} == {"elsewhere"}
        assert contents(source) == sorted([photo(1), photo(2)])
        with source.connector.open(only(source, "a.png", "elsewhere")) as handle:
            assert handle.read() == photo(2)
        assert receipt.verb == "move"

    def test_move_and_restore_is_identity(self, source: Source) -> None:
        """Into a folder that there was not before."""
        needs(source, "move", "restore")
        for name in ("a.png", *source.nasty_names):
            source.put(name, photo(1), "x/y")
        for number, asset in enumerate(listed(source.connector).assets.values()):
            before = source.state()
            receipt = told(source.connector.move(asset, "elsewhere/deep", f"move-{number}"))
            assert source.state() != before
            back = source.connector.restore(receipt)
            assert (back.name, back.folder) == (asset.name, asset.folder)
            assert source.state() == before

    def test_tagging_twice_changes_nothing_more(self, source: Source) -> None:
        """On and off."""
        needs(source, "tag")
        source.put("a.png", photo(1))
        asset = only(source, "a.png")
        for on, wanted in ((True, {"holiday"}), (False, set[str]())):
            source.connector.tag(asset, "holiday", on, f"tag-{on}-1")
            once = source.state()
            asset = source.connector.look(asset.id)
            source.connector.tag(asset, "holiday", on, f"tag-{on}-2")
            assert source.state() == once
            assert set(source.connector.look(asset.id).labels) == wanted
            asset = source.connector.look(asset.id)

    def test_many_are_tagged_at_once_as_one_by_one(self, source: Source) -> None:
        """Each has its own answer, and one that changed since it was seen keeps nobody else from the label."""
        needs(source, "tag", "restore")
        for number in range(3):
            source.put(f"{number}.png", photo(number))
        seen = [only(source, f"{number}.png") for number in range(3)]
        before = source.state()
        answers = source.connector.tag_all(seen, "holiday", ["all-0", "all-1", "all-2"])
        assert [answer.token for answer in answers if isinstance(answer, Receipt)] == ["all-0", "all-1", "all-2"]
        assert all(source.connector.look(asset.id).labels == {"holiday"} for asset in seen)
        for answer in answers:
            assert isinstance(answer, Receipt)
            source.connector.restore(told(answer))
        assert source.state() == before
        source.change("1.png", photo(9))
        answers = source.connector.tag_all(seen, "holiday", ["more-0", "more-1", "more-2"])
        assert [type(answer) for answer in answers] == [Receipt, Changed, Receipt]

    def test_untagging_what_had_the_label_before_is_not_undone_too_far(self, source: Source) -> None:
        """Undoing a tag that was there already leaves it there."""
        needs(source, "tag", "restore")
        source.put("a.png", photo(1))
        source.connector.tag(only(source, "a.png"), "holiday", True, "tag-first")
        before = source.state()
        receipt = source.connector.tag(only(source, "a.png"), "holiday", True, "tag-second")
        source.connector.restore(told(receipt))
        assert source.state() == before

    def test_what_a_photo_was_given_is_taken_back(self, source: Source) -> None:
        """It gets what it lacks and keeps its own, twice is once, and undoing leaves it as it was."""
        needs(source, "carry", "restore")
        source.put("a.png", photo(1), "x")
        asset, before = only(source, "a.png", "x"), source.state()
        receipt = told(source.connector.carry(asset, GIFTS, "carry-1"))
        now = source.connector.look(asset.id)
        assert set(now.labels - asset.labels) == set(GIFTS["labels"])
        assert now.title == GIFTS["title"]
        assert FAVORITE in now.flags
        once = source.state()
        again = told(source.connector.carry(now, {**GIFTS, "title": "Another"}, "carry-2"))
        assert source.state() == once
        for one in (again, receipt):
            source.connector.restore(one)
        assert source.state() == before

    def test_parts_travel_with_their_photo(self, source: Source) -> None:
        """Away and back, all or nothing. `after["key"]` of a receipt names the asset where it is now."""
        source.put("stays.png", photo(0))
        for verb in verbs_of(source):
            source.put(f"{verb}.png", photo(1), "x")
            source.put_part(f"{verb}.png", "x")
            asset = only(source, f"{verb}.png", "x")
            assert asset.parts, "the listing does not know the part"
            before = source.state()
            receipt = told(write(source, verb, asset, f"parts-{verb}"))
            if verb == "delete":
                assert "x/delete.png" not in listed(source.connector).names()
            else:
                moved = source.connector.look(AssetId(source.connector.name, str(receipt.after["key"])))
                assert len(moved.parts) == len(asset.parts)
            if source.connector.features.restore:
                assert len(source.connector.restore(receipt).parts) == len(asset.parts)
                assert source.state() == before
