"""The suite that every connector passes. A connector's own test is a `Source` and two lines:

    class MySource(Source): ...                     # the connector, and what other programs do to the place

    class TestMine(ConnectorContract):
        @pytest.fixture
        def source(self, tmp_path): return MySource(tmp_path)

Nothing here imports pytest, so that the suite can ship: a rule is skipped by `unittest.SkipTest`, which pytest knows. A
rule whose ability the connector does not claim is skipped, except the one that holds it to what it claims.
"""

from __future__ import annotations

from connectors.contract.reading import ReadingRules
from connectors.contract.source import NASTY_NAMES, Source, photo
from connectors.contract.trouble import TroubleRules
from connectors.contract.writing import WritingRules

__all__ = ["NASTY_NAMES", "ConnectorContract", "Source", "photo"]


class ConnectorContract(ReadingRules, WritingRules, TroubleRules):
    """All rules. A subclass named `Test…` gives the fixture `source`: an empty one for each test."""
