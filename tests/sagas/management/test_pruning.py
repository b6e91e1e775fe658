"""`manage.py saga prune`: what has ended long ago goes, whole families at a time, and nothing that is still needed."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sagas import Abort, child, operations, saga, step, wait
from sagas.engine import retention
from sagas.models import Audit, Incident, Journal, Run, Saga, Signal
from sagas.record import clock
from sagas.words.definition import Definition
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = (Saga, Run, Journal, Signal, Incident, Audit)


def prune(*words: str) -> str:
    out = StringIO()
    call_command("saga", "prune", "--older-than", "90d", *words, stdout=out)
    return out.getvalue()


def rows() -> list[int]:
    return [model._default_manager.count() for model in MODELS]


def ids() -> set[object]:
    return set(Saga.objects.values_list("pk", flat=True))


@pytest.fixture
def order(world: World) -> Definition:
    return saga("order", step(world.charge, compensation=world.refund), step(world.ship, reads_only=True))


@pytest.fixture
def family(world: World) -> Definition:
    """A parent that waits after its child."""
    young = saga("young", step(world.play, compensation=world.stop))
    return saga("old", child(young, name="young"), wait("done", timeout=timedelta(days=365)))


def given_up(world: World, table: Definition) -> Saga:
    """One that leaves an incident, an audit entry and a signal behind."""
    world.script("ship", Abort("no parcels"))
    world.script("refund", Abort("no money"))
    found = world.run_through(world.start(table))
    operations.signal(found.pk, "hello", actor="a test", id="1")
    operations.give_up(found.pk, actor="ann", reason="it is lost")
    return found


def test_what_ended_long_ago_goes_with_all_that_belongs_to_it_and_the_rest_stays(world: World, order) -> None:
    given_up(world, order)
    world.run_through(world.start(order))
    assert all(rows())
    world.later(timedelta(days=100))
    young, live = world.run_through(world.start(order)), world.start(order)

    assert "2 sagas that ended before" in prune()

    assert ids() == {young.pk, live.pk}
    assert rows()[3:] == [0, 0, 0]
    assert set(Run.objects.values_list("saga_id", flat=True)) == {young.pk, live.pk}
    assert set(Journal.objects.values_list("saga_id", flat=True)) == {young.pk, live.pk}


def test_a_dry_run_tells_the_same_and_removes_nothing(world: World, order) -> None:
    world.run_through(world.start(order))
    world.later(timedelta(days=100))
    before = rows()
    assert "1 sagas that ended before" in prune("--dry-run")
    assert rows() == before


def test_a_child_goes_with_its_parent_and_not_before(world: World, family) -> None:
    parent = world.start(family)
    world.work()
    assert Saga.objects.get(parent__saga=parent).state == "completed"
    world.later(timedelta(days=100))
    prune()
    assert Saga.objects.count() == 2

    operations.signal(parent.pk, "done", actor="a test")
    world.work()
    prune()
    assert Saga.objects.count() == 2
    world.later(timedelta(days=100))
    assert "2 sagas" in prune()
    assert rows() == [0, 0, 0, 0, 0, 0]


def test_what_a_live_saga_was_cloned_from_and_what_needs_a_person_is_kept(world: World, order) -> None:
    original, troubled = (world.run_through(world.start(order)) for _ in range(2))
    world.later(timedelta(days=100))
    copy = operations.clone(original.pk, actor="ann", reason="again", confirm_effects=True).saga
    Saga.objects.filter(pk=troubled.pk).update(open_incidents=1)

    assert "2 were kept" in prune()

    assert ids() == {original.pk, troubled.pk, copy.pk}
    world.run_through(copy)
    assert "1 sagas" in prune()
    copy.refresh_from_db()
    assert copy.cloned_from is None


def test_an_archive_brings_back_what_was_removed(world: World, family, order, tmp_path: Path) -> None:
    world.knows(family, order)
    parent = world.start(family)
    world.work()
    operations.signal(parent.pk, "done", actor="a test")
    world.work()
    given_up(world, order)
    before = rows()
    assert all(before)
    world.later(timedelta(days=100))
    file = tmp_path / "old.jsonl"

    prune("--archive", str(file))
    assert rows() == [0, 0, 0, 0, 0, 0]

    call_command("loaddata", str(file), verbosity=0)
    assert rows() == before
    with pytest.raises(CommandError, match="not there yet"):
        prune("--archive", str(file))


def test_batches_go_on_after_what_is_kept(world: World, order) -> None:
    kept = [world.run_through(world.start(order)).pk for _ in range(3)]
    Saga.objects.filter(pk__in=kept).update(open_incidents=1)
    for _ in range(2):
        world.run_through(world.start(order))
    world.later(timedelta(days=100))
    batches = list(retention.prune(clock.now() - timedelta(days=90), most=2))
    assert [(batch.removed, batch.kept) for batch in batches] == [(0, 2), (1, 1), (1, 0)]
    assert ids() == set(kept)


def test_an_age_must_have_a_unit(world: World) -> None:
    with pytest.raises(CommandError, match="write an age as 90d or 12h"):
        call_command("saga", "prune", "--older-than", "90", stdout=StringIO())
