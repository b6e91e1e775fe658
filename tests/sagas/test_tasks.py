"""Celery's door: whatever a message says, a saga is moved only by what its rows say."""

import threading
from datetime import timedelta

import pytest

from sagas import saga, step
from sagas.engine import workers
from sagas.engine.canary import Canary
from sagas.models import Saga
from sagas.tasks import deliver
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_worker_of_its_own(monkeypatch):
    monkeypatch.setattr(workers, "_here", workers.Here())


FORGED = [(None, None), ("1", 1), ([1], {"a": 1}), (-1, 1), (0, 0), (2**64, 1), (1, 2**40), (10**9, 1), (1.5, 1)]


@pytest.mark.parametrize(("run_id", "fence"), FORGED)
def test_a_forged_message_moves_nothing(world, run_id, fence):
    found = world.start(saga("one", step(world.act, reads_only=True)))
    deliver(run_id, fence)
    found.refresh_from_db()
    assert (found.rev, world.called) == (1, [])


def test_a_message_that_comes_again_runs_nothing_again(world):
    found = world.start(saga("one", step(world.act, reads_only=True)))
    run = run_of(found, "act")
    for _ in range(3):
        deliver(run.pk, run.fence)
    assert (world.called, Saga.objects.get(pk=found.pk).state) == (["act"], "completed")


def test_a_function_that_hangs_is_woken_at_the_steps_timeout(world):
    table = saga("slow", step(world.act, reads_only=True, timeout=timedelta(milliseconds=50)))
    world.script("act", lambda ctx: threading.Event().wait(30))
    found = world.start(table)
    run = run_of(found, "act")
    deliver(run.pk, run.fence)
    run.refresh_from_db()
    assert (run.state, run.code, run.happened) == ("due", "timeout", "maybe")


def test_a_worker_is_deaf_only_when_it_had_room_and_the_broker_took_messages(settings):
    settings.SAGAS = {"DEAF_AFTER": timedelta(0)}
    busy = False
    canary = Canary("test", busy=lambda: busy)
    assert canary.deaf()
    busy = True
    settings.SAGAS = {"DEAF_AFTER": timedelta(seconds=30)}
    assert not canary.deaf()
    canary.heard()
    busy = False
    assert not canary.deaf()
