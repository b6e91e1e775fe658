"""Test your sagas as you would tell them: given an order, when payments refuses, it takes back what it did.

    @pytest.mark.django_db
    def test_a_declined_payment_sets_the_stock_free():
        run = given(order, fails("charge", Abort("declined")), input=ORDER, steps={"*": {}})
        run.runs("check_user", "check_stock", "lock_stock")
        run.compensates("lock_stock")
        run.ends("compensated")

The engine is the real one, in the test's database; its clock is put forward, so nothing sleeps. Only the outside is
scripted: participants (`service`), or whole steps (`steps`).
"""

from sagas.testing.beginning import given, story_of
from sagas.testing.cues import answers_late, crashes, duplicates, fails, times_out
from sagas.testing.events import arrives
from sagas.testing.exploring import Exploration, explore
from sagas.testing.failure import StoryFailed
from sagas.testing.matrix import Matrix, failure_matrix
from sagas.testing.participants import service
from sagas.testing.script import in_turn
from sagas.testing.story import Story

__all__ = [
    "Exploration",
    "Matrix",
    "Story",
    "StoryFailed",
    "answers_late",
    "arrives",
    "crashes",
    "duplicates",
    "explore",
    "fails",
    "failure_matrix",
    "given",
    "in_turn",
    "service",
    "story_of",
    "times_out",
]
