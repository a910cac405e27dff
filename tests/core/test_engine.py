"""Whatever one item does to its worker, it costs that item and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from dedupe_core import worker
from dedupe_core.engine import Engine, EngineError
from tests.core import jobs


def batches(count: int, size: int = 7) -> Iterator[list[int]]:
    for start in range(0, count, size):
        yield list(range(start, min(count, start + size)))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=2, seconds=1.5, memory_mb=512) as started:
        yield started


def test_every_item_is_answered_once(engine: Engine) -> None:
    outcomes = list(engine.map(jobs.double, batches(100)))
    assert {one.item: one.value for one in outcomes} == {number: 2 * number for number in range(100)}
    assert len(outcomes) == 100
    assert not any(one.error for one in outcomes)


def test_no_batches_and_empty_batches_give_nothing(engine: Engine) -> None:
    assert list(engine.map(jobs.double, [])) == []
    assert [one.value for one in engine.map(jobs.double, [[], [4], []])] == [8]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("raise", "ValueError: number 5 is not liked"),
        ("die", "The decoder crashed on this file (SIGKILL)."),
        ("crash", "The decoder crashed on this file (SIGSEGV)."),
        ("leave", "The decoder crashed on this file (status 3)."),
        ("hang", "This took longer than 1.5 seconds."),
        ("hold", "This took longer than 1.5 seconds."),
        ("eat", "The picture needs more memory than a worker may take."),
    ],
)
def test_a_bad_item_costs_itself_alone(engine: Engine, word: str, reason: str) -> None:
    tasks = [(word if number == 5 else "", number) for number in range(20)]
    outcomes = {one.item[1]: one for one in engine.map(jobs.moody, [tasks[:10], tasks[10:]])}
    assert sorted(outcomes) == list(range(20))
    assert outcomes[5].value is None
    assert outcomes[5].error == reason
    assert all(outcomes[number].value == number for number in range(20) if number != 5)


def test_a_batch_of_nothing_but_bad_items_is_answered(engine: Engine) -> None:
    outcomes = list(engine.map(jobs.moody, [[("die", 1), ("raise", 2), ("die", 3)], [("", 4)]]))
    assert sorted(one.item[1] for one in outcomes) == [1, 2, 3, 4]
    assert sum(not one.error for one in outcomes) == 1


def test_a_worker_killed_from_outside_is_replaced(engine: Engine) -> None:
    numbers = []
    for killed, one in enumerate(engine.map(jobs.process, batches(60, 5))):
        assert one.error == "" or "crashed" in one.error
        numbers.append(one.item)
        if killed in (10, 30) and one.value:
            os.kill(one.value[1], signal.SIGKILL)
    assert sorted(numbers) == list(range(60))


def test_batches_are_drawn_as_they_are_needed(engine: Engine) -> None:
    drawn = 0

    def endless() -> Iterator[list[int]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield [drawn]

    for number, _ in enumerate(engine.map(jobs.double, endless()), 1):
        assert drawn - number <= 4
        if number == 50:
            break


def test_a_map_that_is_left_early_does_not_disturb_the_next(engine: Engine) -> None:
    next(engine.map(jobs.double, batches(1000)))
    assert sorted(one.value for one in engine.map(jobs.double, [[1, 2], [3]]) if one.value) == [2, 4, 6]


def test_two_maps_may_run_into_each_other(engine: Engine) -> None:
    first, second = engine.map(jobs.double, batches(40)), engine.map(jobs.process, batches(40))
    both = [(one.value, two.item) for one, two in zip(first, second, strict=True)]
    assert sorted(value for value, _ in both if value is not None) == [2 * number for number in range(40)]
    assert sorted(item for _, item in both) == list(range(40))


def test_a_function_that_cannot_be_sent_is_an_error_and_no_hang(engine: Engine) -> None:
    with pytest.raises(EngineError, match="cannot be handed"):
        list(engine.map(lambda number: number, [[1]]))
    assert [one.value for one in engine.map(jobs.double, [[1]])] == [2]


def test_workers_load_no_more_than_they_are_asked_for(engine: Engine) -> None:
    modules = {name for one in Engine.map(engine, jobs.loaded, [[1]]) for name in one.value or ()}
    assert "dedupe_core" in modules
    assert not modules & {"pydantic", "cv2", "scipy", "PIL", "numpy", "click", "pytest", "sqlite3"}


def test_workers_that_are_started_early_import_what_they_will_need() -> None:
    with Engine(workers=1) as engine:
        engine.start("colorsys", "no_such_module")
        assert "colorsys" in {name for one in engine.map(jobs.loaded, [[1]]) for name in one.value or ()}


def test_workers_start_where_the_current_folder_holds_hostile_modules(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "pickle.py").write_text("raise SystemExit('taken over')")
    code = (
        "from dedupe_core.engine import Engine\nfrom dedupe_core import worker, phash\n"
        "with Engine(workers=1) as engine: print([one.value for one in engine.map(abs, [[-3]])])"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[3]"


def test_closing_ends_hanging_workers_at_once() -> None:
    engine = Engine(workers=2, seconds=60)
    pids = {one.value[1] for one in engine.map(jobs.process, [[1], [2], [3], [4]]) if one.value}
    running = engine.map(jobs.moody, [[("", 1)], [("hold", 2)], [("hold", 3)]])
    next(running)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 10
    assert not any(_alive(pid) for pid in pids)


def test_a_closed_engine_starts_again() -> None:
    engine = Engine(workers=1)
    assert [one.value for one in engine.map(jobs.double, [[1]])] == [2]
    engine.close()
    assert [one.value for one in engine.map(jobs.double, [[2]])] == [4]
    engine.close()


def test_a_worker_that_cannot_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with Engine(workers=1) as engine, pytest.raises(EngineError, match="cannot start: ModuleNotFoundError"):
        list(engine.map(jobs.double, [[1]]))


def test_an_interrupt_ends_everything_soon_and_leaves_no_process(tmp_path: Path) -> None:
    traces = [str(tmp_path / f"{number}") for number in range(2)]
    code = (
        "from dedupe_core.engine import Engine\nfrom tests.core import jobs\n"
        f"with Engine(workers=2) as engine: list(engine.map(jobs.slowly, [[(t, 30.0)] for t in {traces!r}]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    _wait_for(lambda: all(Path(trace).exists() and Path(trace).read_text() for trace in traces))
    os.killpg(parent.pid, signal.SIGINT)
    parent.wait(timeout=10)
    _wait_for(lambda: not any(_alive(int(Path(trace).read_text())) for trace in traces))
    assert not any(Path(trace).with_suffix(".end").exists() for trace in traces)


def test_idle_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    trace = tmp_path / "pids"
    code = (
        "import time\nfrom dedupe_core.engine import Engine\nfrom tests.core import jobs\n"
        "engine = Engine(workers=2)\n"
        "pids = {one.value[1] for one in engine.map(jobs.process, [[n] for n in range(20)])}\n"
        f"open({str(trace)!r}, 'w').write(' '.join(map(str, pids)) + '.')\ntime.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    _wait_for(lambda: trace.exists() and trace.read_text().endswith("."))
    parent.kill()
    parent.wait(timeout=10)
    _wait_for(lambda: not any(_alive(int(pid)) for pid in trace.read_text().strip(".").split()))


def test_a_worker_stays_below_its_memory() -> None:
    with Engine(workers=1, memory_mb=400) as engine:
        sizes = {one.item: bool(one.error) for one in engine.map(jobs.grow, [[50, 200, 300, 380, 600]])}
    assert sizes == {50: False, 200: False, 300: False, 380: True, 600: True}


def test_where_the_kernel_does_not_refuse_the_worker_watches_itself() -> None:
    code = (
        "import threading, time\nfrom dedupe_core import worker\n"
        "threading.Thread(target=worker._watch, args=(200 << 20,), daemon=True).start()\n"
        "block = bytearray(300 << 20)\nblock[::4096] = b'x' * (len(block) // 4096)\ntime.sleep(30)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, timeout=60)
    assert done.returncode == worker.TOO_MUCH_MEMORY


@pytest.mark.parametrize("pool", [partial(ThreadPoolExecutor, 2), partial(ProcessPoolExecutor, 2)])
def test_any_executor_serves_the_same_batches(pool: partial[ThreadPoolExecutor] | partial[ProcessPoolExecutor]) -> None:
    with pool() as executor:
        engine = Engine(workers=2, executor=executor)
        tasks = [("raise" if number == 5 else "", number) for number in range(30)]
        outcomes = {one.item[1]: one for one in engine.map(jobs.moody, [tasks[:10], tasks[10:20], tasks[20:]])}
    assert sorted(outcomes) == list(range(30))
    assert outcomes[5].error == "ValueError: number 5 is not liked"
    assert outcomes[29].value == 29


def _alive(pid: int) -> bool:
    """Running, or stopped, but no mere zombie that waits for its parent."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def _wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
