"""`manage.py saga prune`: what has ended long ago goes, whole families at a time, and nothing that is still needed."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sagas import Abort, child, operations, saga, step, wait
from sagas.engine import retention
from sagas.models import (
    Alert,
    AlertMessage,
    Audit,
    BulkItem,
    BulkOperation,
    Hold,
    Incident,
    Journal,
    Proposal,
    Run,
    Saga,
    Signal,
)
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
    with pytest.raises(CommandError, match="write a time as 90d, 12h or 30m"):
        call_command("saga", "prune", "--older-than", "90", stdout=StringIO())


LONG_AGO = timedelta(days=100)


def ended_long_ago() -> None:
    """One of each kind that belongs to no saga, with what is still needed of that kind beside it."""
    then = clock.now() - LONG_AGO
    for path, over, told in (("over", then, then), ("open", None, then), ("untold", then, None)):
        about = {"path": path, "reason_code": "x", "told_at": then, "began_at": then, "over_at": over}
        alert = Alert.objects.create(definition="order", **about)
        AlertMessage.objects.create(alert=alert, episode=1, what="new", severity="x", subject=path, text="", at=then)
        AlertMessage.objects.filter(alert=alert).update(done_at=told)
    for name, end in (("ended", then), ("held", None)):
        Hold.objects.create(participant=name, reason="x", held_by="ann", held_at=then, ended_at=end)
    asked = {"tenant": "default", "verb": "cancel", "reason": "x", "asked_by": "ann", "asked_at": then}
    Proposal.objects.create(**asked, expires_at=then, definitions=["expired"])
    Proposal.objects.create(**asked, expires_at=clock.now() + LONG_AGO, definitions=["open"])
    for verb, end in (("retry", then), ("cancel", None)):
        about = {"tenant": "default", "verb": verb, "selection": {}, "actor": "ann", "reason": "x", "rate": 1}
        operation = BulkOperation.objects.create(**about, created_at=then, at=then, ended_at=end)
        BulkItem.objects.create(operation=operation, saga=Saga.objects.get())
    for at in (then, clock.now()):
        Audit.objects.create(tenant="default", verb="hold", path="payments", actor="ann", reason="x", at=at)


def left() -> dict[str, list[object]]:
    return {
        "alerts": list(Alert.objects.order_by("pk").values_list("path", flat=True)),
        "messages": list(AlertMessage.objects.order_by("pk").values_list("subject", flat=True)),
        "holds": list(Hold.objects.values_list("participant", flat=True)),
        "proposals": list(Proposal.objects.values_list("definitions", flat=True)),
        "operations": list(BulkOperation.objects.values_list("verb", flat=True)),
        "items": list(BulkItem.objects.values_list("operation__verb", flat=True)),
        "audit": list(Audit.objects.values_list("verb", flat=True)),
    }


NEEDED = {
    "alerts": ["open", "untold"],
    "messages": ["open", "untold"],
    "holds": ["held"],
    "proposals": [["open"]],
    "operations": ["cancel"],
    "items": ["cancel"],
    "audit": ["hold"],
}


def test_what_belongs_to_no_saga_goes_when_it_is_old_and_over(world: World, order, tmp_path: Path) -> None:
    world.start(order)
    ended_long_ago()
    before = left()
    assert "So would be 5 alerts, bulk operations, holds and decisions about them." in prune("--dry-run")
    assert left() == before
    file = tmp_path / "old.jsonl"
    assert "So were 5 alerts" in prune("--archive", str(file))
    assert left() == NEEDED
    call_command("loaddata", str(file), verbosity=0)
    assert {name: sorted(map(str, rows)) for name, rows in left().items()} == {
        name: sorted(map(str, rows)) for name, rows in before.items()
    }


def test_a_hold_that_something_may_wait_for_is_kept(world: World, order) -> None:
    then = clock.now() - LONG_AGO
    about = {"participant": "payments", "reason": "x", "held_by": "ann", "held_at": then, "ended_at": then}
    Run.objects.filter(saga=world.start(order)).update(hold=Hold.objects.create(**about))
    prune()
    assert Hold.objects.count() == 1
