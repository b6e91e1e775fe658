"""`manage.py saga status` says in a terminal what an operator asks first."""

from datetime import timedelta

import pytest

from sagas import Abort, Retry, saga, step, wait
from sagas.models import Run, Sweep, Worker
from sagas.record import clock
from tests.sagas.management.test_saga_command import Ran

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(world):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund, on_failure="incident", retry=Retry(attempts=1), queue="bank"),
        wait("delivered"),
    )
    world.knows(table)
    return table


@pytest.fixture(autouse=True)
def _at_rest(settings):
    settings.GATEWAY = {**settings.GATEWAY, "READINESS": [p for p in settings.GATEWAY["READINESS"] if "sagas" in p]}


AHEAD = timedelta(hours=1)
"""However slow the machine is, what happened then has just happened."""


def swept(ago: timedelta = -AHEAD) -> None:
    Sweep.objects.update_or_create(pk=1, defaults={"at": (at := clock.now() - ago), "steady_since": at})


def a_worker(*queues: str) -> None:
    Worker.objects.all().delete()
    now = clock.now()
    Worker.objects.create(name="w", queues=list(queues), concurrency=4, beat_at=now + AHEAD, started_at=now)


def test_where_all_is_well_it_says_so(order):
    swept()
    a_worker("sagas", "bank")
    found = Ran("status")
    assert (found.status, found.error) == (0, "")
    assert "✓ sweep" in found.out and "✗" not in found.out
    assert "1 alive; slots by queue: bank 4, sagas 4" in found.out
    assert Ran("status", "--json").json["well"] is True


def test_what_is_not_well_is_a_sentence_and_exit_status_1(order):
    swept(timedelta(minutes=2))
    a_worker("sagas")
    found = Ran("status")
    assert found.status == 1
    assert "✗ sweep          nobody has swept for " in found.out
    assert "✗ queue bank     no living worker serves it; add it to a worker's QUEUES" in found.out


def test_where_no_worker_is_alive_it_says_so_at_once(order):
    swept()
    found = Ran("status")
    assert found.status == 1
    assert "✗ workers        none is alive: nothing moves until one is started" in found.out


def test_who_went_silent_is_named(order):
    swept()
    a_worker("sagas", "bank")
    now = clock.now()
    Worker.objects.create(name="host:17", concurrency=4, beat_at=now, started_at=now, gone_at=now)
    assert f"host:17 is gone, last heard of at {now:%H:%M:%S} UTC" in Ran("status").out


def test_what_waits_and_who_is_wanted_is_counted(world, order):
    swept()
    a_worker("sagas", "bank")
    world.script("charge", Abort("no money today"))
    held = world.start(order, {"n": 1})
    world.work(held)
    world.start(order, {"n": 2})
    Run.objects.filter(work="due").update(at=clock.now() - timedelta(seconds=1000))
    said = Ran("status").out
    assert "live sagas     running 1, stuck 1" in said
    assert "1 wait for a worker, the first for 1" in said
    assert "1 incidents; see manage.py saga incidents" in said
