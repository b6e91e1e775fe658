"""Who was told of a step goes before who looked for one."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from sagas import saga, step
from sagas.engine.slots import Slots
from sagas.engine.workers import Here
from sagas.models import Saga
from tests.harness.waiting import wait_until
from tests.sagas.world import World, run_of

MINUTE = timedelta(minutes=1)


def beside(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_slot_is_idle_until_it_is_taken_and_when_it_is_released():
    slots = Slots(2)
    assert [slots.take_idle() for _ in range(3)] == [True, True, False]
    slots.release()
    assert slots.take_idle()


def test_who_was_told_waits_for_a_slot_and_nobody_takes_it_from_under_them():
    slots, had, enough = Slots(1), threading.Event(), threading.Event()

    def told() -> None:
        with slots.told():
            had.set()
            enough.wait(MINUTE.total_seconds())

    assert slots.take_idle()
    assert not slots.wanted
    waiting = beside(told)
    wait_until(lambda: slots.wanted, "somebody waits", MINUTE)
    assert not had.is_set()
    slots.release()
    assert not slots.take_idle()
    assert had.wait(MINUTE.total_seconds())
    assert not slots.wanted
    enough.set()
    waiting.join(MINUTE.total_seconds())
    assert slots.take_idle()


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_a_crowd_that_was_left_lying_does_not_keep_a_worker_from_what_it_is_told(world: World):
    """Kills: serving all that lies there before the slot is anybody else's."""
    crowd, other = (saga(name, step(world.function(name), name="act", reads_only=True)) for name in ("crowd", "other"))
    world.knows(crowd, other)
    worker, told = Here(queues=["sagas"]), []

    def be_told(ctx: object) -> None:
        run = run_of(Saga.objects.get(definition="other"), "act")
        connection.close()
        told.append(beside(lambda: (worker.deliver(run.pk, run.fence), connection.close())))
        wait_until(lambda: worker.slots.wanted, "the worker is told of another step", MINUTE)

    world.script("crowd", be_told)
    for _ in range(3):
        world.start(crowd)
    world.later(timedelta(seconds=6))
    world.start(other)
    worker.look_at_the_door()
    wait_until(lambda: told, "the worker looks at the door", MINUTE)
    told[0].join(MINUTE.total_seconds())
    assert world.called == ["crowd", "other"]
