"""The schedules can fail: each of these breaks is found in no time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sagas.engine import sweep
from sagas.models import Run
from sagas.record import attempts, late
from sagas.record.attempts import Claim
from sagas.record.turn import Turn
from tests.schedules.hunting import Mutant, killed
from tests.schedules.keeping import keep, kept
from tests.schedules.machine import instead
from tests.schedules.plan import Plan
from tests.schedules.schedule import Played, play
from tests.schedules.shrinking import shrunk

pytestmark = pytest.mark.only_on("sqlite")

RUNS = 500
"""A bound: a few are what it takes, the same ones each time."""

CHARGE: dict[str, Any] = {
    "row": "step",
    "name": "charge",
    "attempts": 1,
    "undo_attempts": 1,
    "probe": False,
    "idempotent": True,
}
ONE_STEP = Plan(
    seed="one step",
    table={"name": "order", "rows": [CHARGE], "deadline": None, "stuck": "block"},
    barrier=False,
    skews=[0, 0],
)
A_LATE_REQUEST = ["take w0 0", "go w0.0", "go w0.0", "freeze w0", "later 60"]
"""The worker stands still before its request, and wakes up when the saga has gone back without it."""


@contextmanager
def no_fence() -> Iterator[None]:
    """Who held an attempt once may record it, whoever holds it now."""

    def own(t: Turn, held: Claim) -> Run | None:
        return t.run(pk=held.run.pk)

    with instead(attempts, "_own", own):
        yield


@contextmanager
def no_take_over() -> Iterator[None]:
    """What a dead worker held is left to it."""
    with instead(sweep, "take_back", lambda *about, **more: ()):
        yield


@contextmanager
def deaf_to_late_news() -> Iterator[None]:
    """What lands after it was given up is not undone."""
    with instead(late, "undo_what_landed", lambda t, run: None):
        yield


@pytest.mark.parametrize("mutant", [no_fence, no_take_over], ids=lambda mutant: mutant.__name__)
def test_a_broken_engine_is_found(mutant: Mutant) -> None:
    assert killed(mutant, RUNS) is not None


def test_what_lands_late_is_found_where_it_is_not_undone() -> None:
    calm = play(ONE_STEP, A_LATE_REQUEST)
    assert (calm.acts, calm.wrong) == (A_LATE_REQUEST, [])
    with deaf_to_late_news():
        assert "left" in play(ONE_STEP, A_LATE_REQUEST).wrong[0]


def test_what_was_found_is_made_small_and_fails_again() -> None:
    found = killed(no_fence, RUNS)
    assert found is not None
    with no_fence():
        small = shrunk(found)
        assert play(small.plan, small.acts).wrong == small.wrong
    assert len(small.acts) <= len(found.acts)
    assert not play(small.plan, small.acts).wrong


def test_what_was_kept_is_read_as_it_was(tmp_path: Path) -> None:
    played = Played(plan=ONE_STEP, acts=A_LATE_REQUEST, wrong=["It does not end."])
    assert kept(keep(played, tmp_path)) == (ONE_STEP, A_LATE_REQUEST)
