"""Live sagas go on after a migration."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from sagas import operations, parallel, saga, step
from sagas.models import Run, Saga
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def the_first_shape():
    """The database as it was, with its models; at the end it is as it is now."""
    MigrationExecutor(connection).migrate([("sagas", "0001_initial")])
    yield MigrationExecutor(connection).loader.project_state([("sagas", "0001_initial")]).apps
    now(connection)


def now(connection) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_a_live_saga_of_the_first_shape_goes_on(world: World, the_first_shape) -> None:
    table = saga(
        "old",
        parallel(step(world.left, compensation=world.unleft), step(world.right, compensation=world.unright)),
        step(world.end, reads_only=True),
    )
    world.knows(table)
    at, about = timezone.now(), {"version": 1, "fingerprint": table.fingerprint, "definition": "old"}
    model, runs = the_first_shape.get_model("sagas", "Saga"), the_first_shape.get_model("sagas", "Run")
    position = {"row": 0, "open": {"0": 1}, "busy": 0, "held": 1}
    old = model.objects.create(
        state="stuck", position=position, created_at=at, updated_at=at, next_seq=3, rev=4, open_incidents=0, **about
    )
    common = {"saga": old, "undo": "owed", "started_at": at}
    runs.objects.create(path="left", state="succeeded", happened="yes", seq=1, **common)
    runs.objects.create(path="right", state="failed", happened="no", seq=2, **common)

    now(connection)

    found = Saga.objects.get(pk=old.pk)
    assert run_of(found, "right").held
    operations.retry(found.pk, actor="ann", reason="go on")
    world.work(found)
    found.refresh_from_db()
    assert (found.state, world.called) == ("completed", ["right", "end"])
    assert Run.objects.filter(saga=found, work__isnull=False).count() == 0
