"""What is asked of rows in hand is answered as the database would answer it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product

import pytest
from django.db.models import Q

from gateway.ids import uuid7
from sagas.models import Run, Saga, Work
from sagas.models.run import retriable
from sagas.operations import allowed
from sagas.operations.facts import in_doubt, movable, resolvable, undecided
from sagas.record import clock, snapshot
from sagas.record.matching import holds
from sagas.record.snapshot import Snapshot
from sagas.words.lifecycle import SagaState

pytestmark = pytest.mark.django_db

ABOUT = {"definition": "two", "version": 1, "fingerprint": "x", "position": {}}
KINDS = [Run.Kind.STEP, Run.Kind.APPROVAL, Run.Kind.CHILD]


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture(params=[SagaState.RUNNING, SagaState.PENDING])
def found(request, now) -> Saga:
    """A saga with rows in every mixture of what conditions ask for, as far as the constraints let them be."""
    made = Saga.objects.create(**ABOUT, state=request.param.value, created_at=now, updated_at=now)
    Run.objects.bulk_create(every_row(made, now))
    return made


def every_row(made: Saga, now: datetime) -> Iterator[Run]:
    clocks = [now - timedelta(hours=1), now + timedelta(hours=1)]
    works = [(None, None), *product([Work.DUE, Work.RUNNING, Work.WAITING], clocks)]
    mixed = product(works, KINDS, ["none", "owed", "stuck"], ["no", "maybe"], [False, True], [None, 7])
    for number, ((work, at), kind, undo, happened, held, hold) in enumerate(mixed):
        worker, seq = uuid7() if work == Work.RUNNING else None, number if happened == "maybe" else None
        given = {"approved": True} if held else None
        row = {"work": work, "at": at, "kind": kind, "undo": undo, "happened": happened, "held": held}
        yield Run(saga=made, path="charge", item=number, hold_id=hold, worker=worker, seq=seq, given=given, **row)


def conditions(now: datetime) -> dict[str, Q]:
    return {
        "retriable": retriable(now),
        "resolvable": resolvable(),
        "movable": movable(now),
        "undecided": undecided(),
        "in doubt": Q(path__in=["charge"]) & in_doubt(),
        "over": Q(work__isnull=False, at__lte=now),
        "not later": ~Q(at__gt=now),
        "of no hold": ~Q(hold=7),
    }


@pytest.mark.parametrize("name", conditions(datetime.max))
def test_a_condition_holds_for_the_same_rows_in_hand_as_in_the_database(found, now, name):
    condition = conditions(now)[name]
    there = set(Run.objects.filter(condition, saga=found).values_list("item", flat=True))
    here = {run.item for run in Run.objects.filter(saga=found).select_related("saga") if holds(condition, run)}
    assert here == there
    assert 0 < len(there) < Run.objects.count(), "it divides them"


def test_what_cannot_be_told_of_a_row_in_hand_is_not_guessed():
    with pytest.raises(LookupError):
        holds(Q(at=1) ^ Q(at=2), Run())
    with pytest.raises(LookupError):
        holds(Q(path__startswith="a"), Run())


def test_a_saga_with_more_rows_than_are_read_is_asked_in_the_database(found, now, monkeypatch):
    whole = Snapshot(found)
    assert len(whole.first_runs) == snapshot.MOST
    monkeypatch.setattr(snapshot, "MOST", 1000)
    small = Snapshot(found)
    for condition in conditions(now).values():
        assert whole.runs(condition) == small.runs(condition)
        assert whole.any_run(condition) is small.any_run(condition) is True
    late = Q(item=503)
    assert whole.any_run(late) is small.any_run(late) is True
    assert not whole.any_run(Q(item=504))
    by_clock = {"by": "at", "most": 5}
    at = [[run.at for run in one.runs(Q(work__isnull=False), **by_clock)] for one in (whole, small)]
    assert at[0] == at[1]


def test_what_is_told_a_saga_is_none_of_its_rows(found):
    Run.objects.update(kind=Run.Kind.MESSAGE)
    assert Snapshot(found).first_runs == []


def test_the_same_verbs_fit_a_saga_in_hand_as_in_the_database(found):
    said = set()
    for row in Run.objects.filter(saga=found, item__in=range(0, 504, 7)):
        Run.objects.exclude(pk=row.pk).update(kind=Run.Kind.MESSAGE)
        Run.objects.filter(pk=row.pk).update(kind=row.kind)
        assert allowed(found, Snapshot(found)) == allowed(found)
        said.update(allowed(found))
    assert said >= {"decide", "retry", "resolve", "reschedule"} - ({"retry"} if found.state == "pending" else set())
