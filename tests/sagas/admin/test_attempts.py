"""Bars over time, from the journal."""

from datetime import UTC, datetime, timedelta

import pytest

from sagas.admin.attempts import Bar, bars_of, drawn, span
from sagas.models import Journal

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(*moves: tuple[float, dict]) -> list[Bar]:
    entries = [Journal(at=at(when), moves=[{"step": "charge", "item": 0, **move}]) for when, move in moves]
    return bars_of(entries)["charge", 0]


def test_an_attempt_is_a_bar_from_its_claim_to_its_outcome():
    assert told((1, {"did": "claimed", "tries": 1}), (3, {"did": "succeeded"})) == [
        Bar(kind="attempt", begin=at(1), end=at(3), what="try 1 succeeded")
    ]


def test_a_failed_attempt_is_bad_and_a_back_off_follows_it():
    first, second, third = told(
        (0, {"did": "claimed", "tries": 1}),
        (1, {"did": "again", "after": 5.0}),
        (6, {"did": "claimed", "tries": 2}),
    )
    assert (first.is_bad, first.end, first.what) == (True, at(1), "try 1 failed, and is tried again")
    assert second == Bar(kind="backoff", begin=at(1), end=at(6))
    assert (third.kind, third.end) == ("attempt", None)


def test_a_back_off_that_a_person_cut_short_ends_then():
    bars = told((0, {"did": "claimed"}), (1, {"did": "again", "after": 600}), (9, {"did": "retried"}))
    assert bars[1].end == at(9)


@pytest.mark.parametrize(
    ("move", "kind"),
    [
        ({"did": "claimed", "undo": "running"}, "undoing"),
        ({"did": "waits"}, "wait"),
        ({"did": "sleeps"}, "wait"),
        ({"did": "asked"}, "asking"),
        ({"did": "decides"}, "asking"),
    ],
)
def test_other_stretches_of_time_are_of_other_kinds(move, kind):
    assert told((0, move))[0].kind == kind


def test_bars_lie_on_one_scale_and_never_outside_of_it():
    bars = [Bar(kind="attempt", begin=at(0), end=at(5)), Bar(kind="wait", begin=at(5), end=None)]
    first, second = drawn(bars, at(0), at(10))
    assert (first.x, first.width, second.x, second.width) == (0, 50, 50, 50)
    (outside,) = drawn([Bar(kind="backoff", begin=at(8), end=at(99))], at(0), at(10))
    assert outside.x + outside.width == 100


def test_a_scale_of_no_length_is_no_fault():
    assert drawn([Bar(kind="attempt", begin=NOON, end=NOON)], NOON, NOON)[0].width == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.34, "340 ms"), (12.44, "12.4 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3600, "1 h"), (273600, "3 d 4 h")],
)
def test_how_long_something_took_is_said_in_the_units_that_matter(seconds, said):
    assert span(timedelta(seconds=seconds)) == said
