"""The rules for when something goes wrong, and for what a connector says of itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace

from connectors.base import AssetId, ConnectorError, Features, Receipt, Unavailable, Unsupported
from connectors.contract.source import Source, needs, only, photo, raises, target_of, told, verbs_of, write


class TroubleRules:
    """Lost answers, foreign ids, and features that have to be true."""

    def test_a_write_whose_answer_was_lost_is_found_again(self, source: Source) -> None:
        """Settling gives the receipt, and the receipt undoes the write."""
        source.put("stays.png", photo(0))
        for verb in verbs_of(source):
            source.put(f"{verb}.png", photo(1), "x")
            asset = only(source, f"{verb}.png", "x")
            before = source.state()
            source.lose_answer()
            with suppress(Unavailable):
                write(source, verb, asset, f"lost-{verb}")
            after = source.state()
            assert after != before
            receipt = source.connector.settle(verb, asset, target_of(verb), f"lost-{verb}")
            assert receipt is not None, f"the {verb} happened, and settle does not find it"
            assert (receipt.verb, receipt.token) == (verb, f"lost-{verb}")
            assert source.state() == after
            if source.connector.features.restore:
                source.connector.restore(told(receipt))
                assert source.state() == before

    def test_a_write_that_never_began_has_no_receipt(self, source: Source) -> None:
        """And looking for it changes nothing."""
        source.put("a.png", photo(1), "x")
        asset = only(source, "a.png", "x")
        for verb in verbs_of(source):
            before = source.state()
            assert source.connector.settle(verb, asset, target_of(verb), f"never-{verb}") is None
            assert source.state() == before

    def test_reports_are_taken(self, source: Source) -> None:
        """A second one of the same name too."""
        needs(source, "report")
        source.connector.report("run.csv", b"1")
        source.connector.report("run.csv", b"2")

    def test_features_tell_the_truth(self, source: Source) -> None:
        """What is not claimed is `Unsupported` and does nothing."""
        source.put("a.png", photo(1))
        asset, connector = only(source, "a.png"), source.connector
        receipt = Receipt("delete", {"key": asset.id.key, "name": asset.name, "folder": ""}, {"trash": "system"}, "t")
        tries: dict[str, Callable[[], object]] = {
            "preview": lambda: connector.preview(asset, 100),
            "delete": lambda: connector.delete(asset, "truth-1"),
            "move": lambda: connector.move(asset, "elsewhere", "truth-2"),
            "tag": lambda: connector.tag(asset, "holiday", True, "truth-3"),
            "carry": lambda: connector.carry(asset, {"title": "A title"}, "truth-4"),
            "restore": lambda: connector.restore(receipt),
            "report": lambda: connector.report("run.csv", b""),
        }
        elsewhere = {"delta", "guarded", "reads", "digests", "away", "stays", "online", "together"}
        assert {f.name for f in fields(Features)} == {*tries, *elsewhere}, "a feature without a test"
        before = source.state()
        for feature, attempt in tries.items():
            if not getattr(connector.features, feature):
                with raises(Unsupported):
                    attempt()
        assert source.state() == before

    def test_an_id_of_another_source_is_not_for_this_one(self, source: Source) -> None:
        """A write on a foreign asset never finds a photo of one's own by accident."""
        needs(source, "delete")
        source.put("a.png", photo(1))
        asset, before = only(source, "a.png"), source.state()
        foreign = replace(asset, id=AssetId("another source", asset.id.key))
        with raises(ConnectorError):
            source.connector.delete(foreign, "foreign")
        assert source.state() == before
