"""What the benchmark of full tables makes of its measurements, and what the model makes of those."""

import json
from pathlib import Path

import pytest

from benchmarks.growth import measuring
from benchmarks.growth.act import Act
from benchmarks.growth.figures import Timed, middle, ratios
from benchmarks.growth.model import Costs, Hosts, here, needs, read
from benchmarks.growth.size import EMPTY, Size

FULL = Size(ended=1000, waiting=10)
COSTS = Costs(worker=0.006, database=0.003, broker=0.001, log=10_000, stays=6000, journal=4000)


def a_round(size: Size, number: int, seconds: float) -> Timed:
    return Timed(act="steps", size=size.name, round=number, seconds=seconds, here=0, database=0, log=0)


def test_ratios_are_of_the_same_round() -> None:
    quick, slow = 0.001, 0.010
    measured = [a_round(EMPTY, 1, quick), a_round(FULL, 1, 2 * quick), a_round(EMPTY, 2, slow), a_round(FULL, 2, slow)]
    assert ratios(measured, "steps", FULL.name) == [0.5, 1.0]
    assert middle(measured, "steps", FULL.name) == pytest.approx(0.006)
    assert middle(measured, "steps", "another") is None


def test_an_act_is_done_in_turn_with_another_and_told_as_its_multiple(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each is slow, as after a pause; the median does not hear of it."""
    now, done = [0.0], list[str]()

    def of(name: str, seconds: float) -> Act:
        def do(_: object) -> None:
            now[0] += seconds + 5 * (name not in done)
            done.append(name)

        return Act(name=name, do=do)

    monkeypatch.setattr(measuring.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(measuring, "nothing_is_due", lambda: None)
    found = measuring.in_turn(of("start", 0.006), of("insert", 0.002), EMPTY, 1)
    assert done == ["start", "insert"] * measuring.IN_TURN
    assert found.times == pytest.approx(3.0)


def test_a_size_is_told_as_people_say_it() -> None:
    sizes = (EMPTY, Size(ended=10_000), Size(ended=1_000_000, waiting=100_000))
    assert [size.name for size in sizes] == ["nearly empty", "10 k ended", "1 M ended + 100 k waiting"]


def test_a_machine_makes_what_its_processors_have_time_for() -> None:
    assert here(COSTS, processors=2) == pytest.approx(200)


def test_what_is_full_first_is_told_and_more_databases_are_counted() -> None:
    hosts = Hosts(processors=10, database_processors=10, use=0.5, log=100e6, connections_a_host=20)
    little, much = needs(1000, COSTS, hosts), needs(50_000, COSTS, hosts)
    assert (little.workers, little.databases, little.connections) == (2, 1, 40)
    assert little.first == "the broker, 200%"
    assert (much.workers, much.databases) == (60, 30)
    assert much.disk == pytest.approx(50_000 * 6000 * 30 * 86_400)


def test_the_log_of_a_database_can_be_full_before_its_processors() -> None:
    found = needs(1000, COSTS, Hosts(log=1e6))
    assert (found.databases, found.first) == (10, "PostgreSQL's log, 1000%")


def test_costs_are_read_from_the_fullest_tables(tmp_path: Path) -> None:
    def one(act: str, size: str, seconds: float) -> dict[str, object]:
        return {"act": act, "size": size, "here": seconds, "database": seconds / 2, "log": 100.0}

    tables = {
        "sagas_saga": {"rows": 10, "data": 1000, "indexes": 0},
        "sagas_journal": {"rows": 70, "data": 2000, "indexes": 1000},
    }
    file = tmp_path / "growth.json"
    timed = [one("steps", "full", 0.001), one("start", "full", 0.002), one("steps", "empty", 9.0)]
    file.write_text(json.dumps({"sizes": {"empty": {}, "full": {}}, "bytes": {"full": tables}, "timed": timed}))
    found = read(file, message=0.001, broker=0.0001)
    assert (found.worker, found.database) == (pytest.approx(0.008), pytest.approx(0.0035))
    assert (found.log, found.stays, found.journal) == (pytest.approx(600), 400, 300)
