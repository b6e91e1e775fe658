"""What comes after the point of no return need not say how it is undone, so nothing may ever turn it back."""

import pytest

from sagas import Abort, operations, saga, step
from sagas.models import Run
from sagas.plan import Undo
from tests.sagas.world import World, open_incidents

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pivot_that_a_person_skipped_is_passed(world: World) -> None:
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.confirm, pivot=True, on_failure="incident"),
        step(world.ship),
        step(world.label),
    )
    world.script("confirm", Abort("closed today"))
    world.script("label", Abort("no paper"))
    found = world.start(table)
    world.work(found)
    operations.skip(found.pk, step="confirm", result=None, actor="ann", reason="confirmed by telephone")
    world.work(found)
    found.refresh_from_db()
    assert (found.going, open_incidents(found)) == ("forward", [("label", "refused")])
    assert found.committed_at is not None


def test_a_pivot_that_was_not_taken_leaves_the_way_back_open(world: World) -> None:
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.confirm, pivot=True, when=lambda ctx: False),
        step(world.ship, compensation=world.unship),
        step(world.label, reads_only=True),
    )
    world.script("label", Abort("no paper"))
    found = world.start(table)
    world.work(found)
    found.refresh_from_db()
    assert (found.state, world.called) == ("compensated", ["charge", "ship", "label", "unship", "refund"])
    assert not Run.objects.filter(saga=found, undo=Undo.OWED).exists()
