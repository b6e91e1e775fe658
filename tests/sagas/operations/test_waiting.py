"""Who waits for a saga is woken when it is as wanted; how often it is looked at goes by how long that takes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections, transaction

from sagas import operations
from sagas.errors import NotFound
from sagas.models import Saga
from sagas.operations import waiting
from sagas.operations.waiting import Wait, Watcher, pause_after, until_ended, watcher
from tests.harness.waiting import wait_until
from tests.sagas.operations import states

pytestmark = pytest.mark.django_db(transaction=True)

LONG = timedelta(seconds=60)


def test_who_began_a_saga_may_wait_for_its_end(world):
    pk = states.due(world).pk
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: (operations.wait_for(pk, LONG).state, connections.close_all()))
        wait_until(lambda: watcher._waits, "somebody waits", LONG)
        world.work()
        assert found.result(120)[0] == "completed"


def test_what_has_ended_is_not_waited_for(world):
    pk = states.due(world).pk
    world.work()
    assert operations.wait_for(pk, timedelta(days=1)).state == "completed"


def test_when_the_time_is_over_it_is_returned_as_it_stands(world):
    assert operations.wait_for(states.due(world).pk, timedelta(0)).state == "running"


def test_what_is_not_there_cannot_be_waited_for():
    with pytest.raises(NotFound, match="There is no saga"):
        operations.wait_for(uuid4())


def test_nobody_waits_within_a_transaction(world):
    pk = states.due(world).pk
    with transaction.atomic(), pytest.raises(RuntimeError, match="after the commit"):
        operations.wait_for(pk)


def test_looks_are_the_rarer_the_longer_a_saga_is_awaited():
    pauses = [pause_after(awaited, 0) for awaited in (0, 0.01, 0.1, 0.4, 0.8, 60)]
    assert pauses == [waiting.SOONEST, 0.0025, 0.025, 0.1, waiting.LATEST, waiting.LATEST]


def test_looks_that_take_long_are_rare():
    assert [pause_after(awaited, 0.1) for awaited in (0, 60)] == [0.4, 0.4]


def test_all_who_wait_cost_one_query_a_look(world, django_assert_num_queries):
    looks = []
    waits = [Wait(states.due(world).pk, lambda seen: looks.append(seen) or False) for _ in range(5)]
    with django_assert_num_queries(1):
        Watcher()._look(waits)
    assert len(looks) == 5


def test_who_waits_for_a_saga_that_is_removed_is_woken(world):
    wait = Wait(states.due(world).pk, until_ended)
    Saga.objects.all().delete()
    Watcher()._look([wait])
    assert wait.over.is_set()


def test_when_a_look_fails_another_follows_in_a_while(world, monkeypatch, caplog):
    wait = Wait(states.due(world).pk, until_ended)
    monkeypatch.setattr(waiting, "COLUMNS", ("nothing",))
    Watcher()._look([wait])
    assert wait.next_look > wait.began + waiting.AFTER_A_FAILURE
    assert not wait.over.is_set()
    assert "could not be looked at" in caplog.text


def test_who_comes_later_need_not_wait_for_the_next_look_at_others(world, monkeypatch):
    monkeypatch.setattr(waiting, "SHARE", 1e9)
    monkeypatch.setattr(waiting, "LATEST", 3600)
    mine, looked = Watcher(), threading.Event()
    endless = states.due(world).pk
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(mine.wait, endless, lambda seen: looked.set(), 2 * LONG)
        assert looked.wait(60)
        assert mine.wait(states.due(world).pk, lambda seen: True, LONG)
        assert not patient.done()
        for wait in list(mine._waits):
            wait.over.set()
        patient.result(60)
