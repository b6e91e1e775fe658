import asyncio
from dataclasses import replace

import pytest

from benchmarks.waiting.participant import House
from benchmarks.waiting.pools import Pool
from benchmarks.waiting.slow import Seen
from benchmarks.waiting.trial import Trial

SEEN = Seen(inside=1, most=2, visits={"a": [(0.0, 1.0)], "b": [(1.0, 3.0), (2.0, 4.0)], "c": [(4.0,)]})
GOOD = Trial(
    pool="threads-2x50",
    slots=100,
    processes=2,
    at_rest=100_000,
    in_flight=100,
    full=110_000,
    sagas=50,
    completed=50,
    seconds=2.0,
    most=90,
    mean=40.0,
    peak=120_000,
    connections=20,
    processor=0.3,
    tried_again=0,
    repeated=0,
    complaints=(),
)


def test_a_key_that_came_twice_is_repeated():
    assert SEEN.repeated == {"b": 2}


def test_who_is_still_inside_was_not_answered():
    assert SEEN.answered == 3


def test_the_mean_is_over_all_the_time_from_the_first_to_the_last():
    assert (SEEN.span, SEEN.mean) == (4.0, 1.25)


def test_nothing_seen_has_no_mean():
    assert Seen(inside=0, most=0, visits={}).mean == 0.0


def test_figures_follow_from_what_was_measured():
    assert (GOOD.rate, GOOD.memory_per_step) == (25.0, 100.0)
    assert GOOD.processor_per_step == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"completed": 49}, "1 sagas did not complete"),
        ({"tried_again": 2}, "2 steps were tried again"),
        ({"repeated": 3}, "3 keys were seen more than once"),
        ({"connections": 21}, "1 connections too many"),
        ({"complaints": ("ERROR",)}, "1 complaints in the logs"),
    ],
)
def test_whatever_went_wrong_is_named(change, fault):
    assert GOOD.faults == []
    assert replace(GOOD, **change).faults == [fault]


def test_each_child_of_prefork_is_a_process_and_threads_share_one():
    assert Pool(kind="prefork", concurrency=16, workers=2).processes == 32
    assert Pool(kind="threads", concurrency=16, workers=2).processes == 2


def test_behind_a_gate_all_wait_until_it_is_lifted():
    async def act() -> House:
        house = House()
        house.expect(pause=0, gate=2)
        visits = [asyncio.create_task(house.visit(key)) for key in "ab"]
        while house.inside < 2:
            await asyncio.sleep(0)
        assert not any(visit.done() for visit in visits)
        house.lift()
        await asyncio.gather(*visits)
        return house

    house = asyncio.run(act())
    assert (house.inside, house.most, sorted(house.visits)) == (0, 2, ["a", "b"])
    assert all(len(visit) == 2 for visits in house.visits.values() for visit in visits)
