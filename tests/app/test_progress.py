"""The meter: honest about what it cannot know, and one event shape for programs."""

from __future__ import annotations

import json

import pytest

from dedupe_app.cli.output import Output, number, table
from dedupe_app.progress import Estimate, Events, Lines, Meter, bar_text, duration


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_remaining_time_before_five_seconds_and_two_percent() -> None:
    estimate = Estimate(1000, 0.0)
    estimate.advance(100, 4.0)
    assert estimate.remaining(4.0) is None
    assert estimate.remaining(5.0) == pytest.approx(36.0)
    slow = Estimate(100_000, 0.0)
    slow.advance(1999, 100.0)
    assert slow.remaining(100.0) is None
    slow.advance(1, 100.1)
    assert slow.remaining(100.1) is not None


def test_no_remaining_time_without_a_total() -> None:
    estimate = Estimate(None, 0.0)
    estimate.advance(500, 60.0)
    assert estimate.share is None
    assert estimate.remaining(60.0) is None


def test_the_rate_follows_the_last_minute_and_not_the_whole_run() -> None:
    estimate = Estimate(100_000, 0.0)
    now = 0.0
    for _ in range(600):
        now += 1
        estimate.advance(10, now)
    for _ in range(120):
        now += 1
        estimate.advance(100, now)
    assert 80 < estimate.rate < 100
    assert estimate.done / now == pytest.approx(25.0)


def test_a_steady_rate_is_right_from_the_first_second() -> None:
    estimate = Estimate(1000, 0.0)
    for tenth in range(1, 31):
        estimate.advance(5, tenth / 10)
    assert estimate.rate == pytest.approx(50.0)


def test_events_have_the_fields_of_the_documented_schema(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    meter = Meter(Events(Output("json-lines")), clock)
    meter.stage("hashing", 200)
    for _ in range(100):
        clock.now += 0.1
        meter.advance(1, 1000, "a\udcff.jpg")
    meter.error("b.jpg", "broken")
    meter.close()
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert 15 <= len(events) <= 25, "at most two a second"
    last = events[-1]
    assert set(last) == {
        "message_type",
        "stage",
        "seconds_elapsed",
        "seconds_remaining",
        "percent_done",
        "total_files",
        "files_done",
        "total_bytes",
        "bytes_done",
        "error_count",
        "current_files",
    }
    assert (last["percent_done"], last["files_done"], last["bytes_done"]) == (0.5, 100, 100_000)
    assert last["seconds_remaining"] == 10
    assert last["error_count"] == 1
    assert last["current_files"] == ["a\udcff.jpg"]


def test_a_log_gets_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    meter = Meter(Lines(Output()), clock)
    meter.stage("listing", None)
    meter.advance(1200)
    clock.now += 2
    meter.stage("hashing", 3)
    meter.advance(3)
    meter.close()
    assert capsys.readouterr().err.splitlines() == [" listing 1 200 done, 600/s", " hashing 3 done"]


def test_the_bar_says_share_count_rate_rest_and_errors() -> None:
    clock = Clock()
    meter = Meter(Lines(Output(quiet=True)), clock)
    meter.stage("hashing", 6308)
    for _ in range(10):
        clock.now += 1
        meter.advance(200)
    meter.error("x", "y")
    assert bar_text(meter) == " 32%  2 000/6 308  200/s  22 s left  1 unreadable"


def test_durations_and_numbers_are_written_for_people() -> None:
    assert [duration(s) for s in (0.4, 99, 130, 7500)] == ["0 s", "99 s", "2 min", "2 h 05 min"]
    assert number(1234567) == "1 234 567"
    assert table([["a", 1], ["bcd", 22]], right=(1,)) == " a     1\n bcd  22"
