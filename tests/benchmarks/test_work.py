"""A saga counts only when nothing is missing of what it must have left behind."""

from dataclasses import replace

import pytest

from benchmarks.work import STEPS, UNDONE, Flow, Seen, is_complete, result

ORDER = 7
WELL = Seen({step: result(step, ORDER) for step in STEPS})
REFUSED = Seen({step: result(step, ORDER) for step in STEPS[:3]}, refused="ship", undone=UNDONE)


def test_everything_read_back_is_complete():
    assert is_complete(Flow.WELL, ORDER, WELL)
    assert is_complete(Flow.REFUSED, ORDER, REFUSED)


@pytest.mark.parametrize("step", STEPS)
def test_a_lost_result_is_noticed(step: str):
    rest = {name: found for name, found in WELL.results.items() if name != step}
    assert not is_complete(Flow.WELL, ORDER, replace(WELL, results=rest))


def test_the_result_of_another_order_is_noticed():
    mixed = WELL.results | {"charge": result("charge", ORDER + 1)}
    assert not is_complete(Flow.WELL, ORDER, replace(WELL, results=mixed))


@pytest.mark.parametrize(
    "seen",
    [
        replace(REFUSED, undone=UNDONE[:2]),
        replace(REFUSED, undone=UNDONE[::-1]),
        replace(REFUSED, refused=None),
        replace(REFUSED, results=WELL.results),
        WELL,
    ],
    ids=["one not undone", "undone in the wrong order", "not refused", "a step too many", "all well"],
)
def test_a_way_back_that_is_not_whole_is_noticed(seen: Seen):
    assert not is_complete(Flow.REFUSED, ORDER, seen)


def test_a_saga_that_went_back_without_need_is_noticed():
    assert not is_complete(Flow.WELL, ORDER, replace(WELL, undone=UNDONE))
