"""The schedules can fail: each of these breaks is found in no time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from sagas.engine import sweep
from sagas.models import Run
from sagas.record import attempts, late
from sagas.record.attempts import Claim
from sagas.record.turn import Turn
from tests.schedules.hunting import Mutant, killed
from tests.schedules.machine import instead
from tests.schedules.schedule import play
from tests.schedules.shrinking import shrunk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]

BUDGET = timedelta(minutes=3)
"""A bound for the worst of days; a second or two is what it takes."""


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


@pytest.mark.parametrize("mutant", [no_fence, no_take_over, deaf_to_late_news], ids=lambda mutant: mutant.__name__)
def test_a_broken_engine_is_found(mutant: Mutant) -> None:
    found = killed(mutant, BUDGET)
    assert found is not None


def test_what_was_found_is_made_small_and_fails_again() -> None:
    found = killed(no_fence, BUDGET)
    assert found is not None
    with no_fence():
        small = shrunk(found)
        assert play(small.plan, small.acts).wrong == small.wrong
    assert len(small.acts) <= len(found.acts)
    assert not play(small.plan, small.acts).wrong
