"""The summary beside the photos, and the forecast."""

from __future__ import annotations

import pytest

from connectors.base import Refused
from connectors.onedrive import OneDriveConnector
from tests.fakes.graph import Content, GraphFake
from tests.onedrive.conftest import Make

PLACE = "Pictures/2024/duplicates_summary/2024-06.csv"


def test_a_report_is_replaced_only_when_it_is_still_ours(graph: GraphFake, make: Make) -> None:
    make().report("2024-06.csv", b"first")
    make().report("2024-06.csv", b"second")
    item = graph.drive.find(PLACE)
    assert item
    assert item.content
    assert item.content.data == b"second"
    graph.drive.put(PLACE, b"a person's own notes")
    make().report("2024-06.csv", b"third")
    assert item.content.data == b"a person's own notes"
    other = graph.drive.find(PLACE.replace(".csv", " (2).csv"))
    assert other
    assert other.content
    assert other.content.data == b"third"
    writes = graph.accounting.count("PUT")
    make().report("2024-06.csv", b"third")
    assert graph.accounting.count("PUT") == writes


def test_a_foreign_file_from_before_is_left_alone(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put(PLACE, b"from another machine")
    cloud.report("2024-06.csv", b"ours")
    assert {path for path in graph.drive.tree()} == {PLACE, PLACE.replace(".csv", " (2).csv")}  # noqa: C416


@pytest.mark.parametrize("kind", ["lost", "drop", "truncated", "html"])
def test_a_report_whose_answer_was_lost_is_there_once(graph: GraphFake, cloud: OneDriveConnector, kind: str) -> None:
    graph.weather.add(kind, on="graph PUT")  # type: ignore[arg-type]
    cloud.report("2024-06.csv", b"ours")
    assert set(graph.drive.tree()) == {PLACE}


def test_a_report_that_changes_while_we_write_is_not_overwritten(graph: GraphFake, cloud: OneDriveConnector) -> None:
    cloud.report("2024-06.csv", b"first")
    graph.weather.add("call", on="graph PUT", run=lambda: graph.drive.put(PLACE, b"foreign"))
    cloud.report("2024-06.csv", b"second")
    item = graph.drive.find(PLACE)
    assert item
    assert item.content
    assert item.content.data == b"foreign"


def test_reports_have_plain_names_and_bounds(cloud: OneDriveConnector) -> None:
    for name in ("../a.csv", "", "a/b.csv"):
        with pytest.raises(Refused):
            cloud.report(name, b"x")
    with pytest.raises(Refused, match="split"):
        cloud.report("2024-06.csv", b"x" * 4_000_001)


def test_a_forecast_counts_months_and_stays_far_below_a_download(graph: GraphFake, make: Make) -> None:
    for month in range(1, 13):
        for number in range(20):
            content = Content(known_size=5_000_000, known_digest=f"{month} {number}")
            graph.drive.put(f"Pictures/2023/{month:02}/IMG_{number}.jpg", content)
    graph.drive.put("Pictures/2023/other.jpg", b"outside")
    guess = make().estimate()
    assert (guess.photos, guess.bytes) == (240, 240 * 5_000_000)
    assert guess.traffic < guess.bytes * 0.01
    assert guess.calls < 60
    assert "240 photos" in guess.sentence
    assert make(folder="").estimate().photos == 241
    assert make(folder="Nowhere").estimate().photos == 0
    assert graph.accounting.originals == 0
