"""Many at once: workers, sweeps and requests, each on a connection of its own."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from notifications import delivery
from notifications.models import Notification
from notifications.record import claim, take_back
from notifications.sweep import sweep
from tests.notifications.crowd import MANY, at_once
from tests.notifications.door import Service
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_workers_send_it_once(pigeon):
    pks = [a_notification().pk for _ in range(10)]
    found = at_once(lambda: [delivery.deliver(pk) for pk in pks])
    assert Counter(status for each in found for status in each) == {"sent": 10, None: 10 * (MANY - 1)}
    assert sorted(letter.id for letter in pigeon.letters) == sorted(pks)


def test_many_sweeps_take_it_back_once_and_ring_once(pigeon, rung):
    pk = a_notification().pk
    assert rung() == [str(pk)]
    claim(pk)
    later(timedelta(days=1))
    found = at_once(lambda: take_back(pk))
    assert Counter(found) == {"queued": 1, None: MANY - 1}
    assert results(pk) == ["silent"]

    later(timedelta(days=1))
    at_once(sweep)
    assert rung() == [str(pk)]


def test_a_slow_worker_and_the_sweep_agree(pigeon):
    """Whoever is first wins; what was sent is known in either order."""
    pk = a_notification().pk
    taken: list[Any] = []

    def overtake() -> None:
        later(timedelta(days=1))
        thread = threading.Thread(target=lambda: (sweep(), connections.close_all()))
        thread.start()
        thread.join()
        taken.append(now(pk).status)

    pigeon.script.append(overtake)
    assert delivery.deliver(pk) == "sent"
    assert taken == ["queued"]
    assert results(pk) == ["sent"]


def test_many_requests_under_one_key_are_accepted_once(bell):
    answers = at_once(lambda: Service().ask(Idempotency_Key="order-17"))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Notification.objects.count() == 1


@pytest.mark.only_on("postgresql")
def test_a_worker_holds_no_connection_while_it_sends(pigeon):
    pk = a_notification().pk
    held = []
    pigeon.script.append(lambda: held.append(connection.connection))
    assert delivery.deliver(pk) == "sent"
    assert held == [None]
