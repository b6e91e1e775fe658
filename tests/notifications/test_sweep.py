"""The sweep finds lost messages and lost workers."""

from datetime import timedelta

import pytest
from django.db import transaction

from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.models import Attempt, Notification
from notifications.record import claim
from notifications.sweep import sweep
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

MOMENT = timedelta(seconds=11)
LONG = timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_after_the_commit_and_not_without_one(pigeon, rung):
    with transaction.atomic():
        pk = a_notification().pk
        assert rung() == []
    assert rung() == [str(pk)]

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        a_notification()
        raise ZeroDivisionError
    assert rung() == []


def test_a_lost_message_is_rung_again_after_a_while_and_again(pigeon, rung):
    pk = a_notification().pk
    sweep()
    assert rung() == [], "its message is still on its way"
    for _ in range(2):
        later(MOMENT)
        sweep()
        assert rung() == [str(pk)]
        sweep()
        assert rung() == []


def test_the_end_of_a_pause_is_rung_at_once(pigeon, rung):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("closed"))
    delivery.deliver(pk)
    sweep()
    assert rung() == []
    Notification.objects.update(due_at=now(pk).created_at)
    sweep()
    assert rung() == [str(pk)]


def test_what_ended_is_left_alone(pigeon, rung):
    delivery.deliver(a_notification().pk)
    later(LONG)
    sweep()
    assert rung() == []


def test_what_a_lost_worker_was_sending_is_taken_over(pigeon, rung):
    pk = a_notification().pk
    claim(pk)
    sweep()
    assert now(pk).status == "sending"

    later(LONG)
    sweep()
    assert (now(pk).status, results(pk)) == ("queued", ["silent"])
    later(LONG)
    sweep()
    assert rung() == [str(pk)]
    delivery.deliver(pk)
    assert (now(pk).status, results(pk)) == ("sent", ["silent", "sent"])


def test_what_kills_its_workers_is_tried_three_times(pigeon):
    pk = a_notification().pk
    for _ in range(3):
        assert claim(pk) is not None
        later(LONG)
        sweep()
        later(LONG)
    assert claim(pk) is None
    assert (now(pk).status, results(pk)) == ("unknown", ["silent"] * 3)


def test_one_that_cannot_be_taken_back_does_not_stop_the_sweep_for_the_others(pigeon, caplog):
    poisoned, healthy = a_notification().pk, a_notification().pk
    claim(poisoned)
    claim(healthy)
    Attempt.objects.filter(notification=poisoned).delete()
    later(LONG)
    sweep()
    assert "could not take back" in caplog.text
    assert (now(poisoned).status, now(healthy).status) == ("sending", "queued")
    before = len(caplog.records)
    sweep()
    assert len(caplog.records) == before, "it is left alone for a minute"
