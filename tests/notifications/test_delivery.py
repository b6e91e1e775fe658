"""A notification is delivered, tried again, refused, or not known of; the channel follows a script."""

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from notifications import delivery, tasks
from notifications.channels.channel import ChannelError
from notifications.lifecycle import Status
from notifications.models import Attempt, Notification
from notifications.record import claim, record, take_back
from notifications.verdict import Outcome, Result
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

LONG = timedelta(days=1)


def test_it_is_sent_and_says_so(pigeon):
    pk = a_notification(content={"subject": "To you", "text": "coo"}).pk
    assert now(pk).status == "accepted"

    assert delivery.deliver(pk) == Status.SENT

    (letter,) = pigeon.letters
    assert (letter.id, letter.address, letter.subject, letter.text) == (pk, "17", "To you", "coo")
    found = now(pk)
    assert (found.status, found.tries, found.channel, found.error) == ("sent", 1, "pigeon", "")
    delivery_ = found.deliveries.get()
    assert (delivery_.channel, delivery_.address, delivery_.status) == ("pigeon", "17", "sent")
    assert delivery_.provider_id == "pigeon 1"
    assert found.due_at is None and found.lease_until is None and found.ended_at is not None
    attempt = found.attempts.get()
    assert (attempt.number, attempt.provider, attempt.result, attempt.provider_id) == (1, "pigeon", "sent", "pigeon 1")
    assert attempt.started_at <= attempt.ended_at


def test_a_second_message_sends_nothing(pigeon):
    pk = a_notification().pk
    delivery.deliver(pk)
    later(LONG)
    assert delivery.deliver(pk) is None
    assert len(pigeon.letters) == 1


def test_a_message_for_what_is_being_sent_sends_nothing(pigeon):
    pk = a_notification().pk
    pigeon.script.append(lambda: tasks.deliver(str(pk)))
    assert delivery.deliver(pk) == Status.SENT
    assert len(pigeon.letters) == 1


def test_no_transaction_is_open_and_the_attempt_is_written_down_while_it_is_sent(pigeon):
    pk = a_notification().pk
    depth = len(connection.savepoint_ids)
    seen = []
    pigeon.script.append(lambda: seen.append((len(connection.savepoint_ids), now(pk).status, results(pk))))
    delivery.deliver(pk)
    assert seen == [(depth, "sending", [""])]


def test_what_cannot_be_sent_now_is_tried_again_after_a_pause_and_not_before(pigeon):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("The loft is closed.", code="closed"))
    assert delivery.deliver(pk) == Status.QUEUED
    found = now(pk)
    assert (found.error, found.attempts.get().code, found.ended_at) == ("The loft is closed.", "closed", None)
    assert found.due_at > found.updated_at

    assert delivery.deliver(pk) is None
    later(LONG)
    assert delivery.deliver(pk) == Status.SENT
    assert results(pk) == ["not_now", "sent"]
    assert now(pk).error == ""
    assert len({letter.id for letter in pigeon.letters}) == 1, "a provider must be able to tell that it is the same"


def test_a_refusal_is_final(pigeon):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("There is no such loft.", Result.REFUSED))
    assert delivery.deliver(pk) == Status.FAILED
    later(LONG)
    assert delivery.deliver(pk) is None
    assert now(pk).ended_at is not None


@pytest.mark.parametrize(
    "error", [ChannelError("It flew away.", Result.UNKNOWN), RuntimeError("a bug"), TimeoutError()]
)
def test_what_may_have_been_sent_is_tried_again_and_in_the_end_not_called_failed(pigeon, error):
    pk = a_notification().pk
    pigeon.script.extend([error, ChannelError("There is no such loft.", Result.REFUSED)])
    assert delivery.deliver(pk) == Status.QUEUED
    later(LONG)
    assert delivery.deliver(pk) == Status.UNKNOWN
    assert results(pk) == ["unknown", "refused"]


def test_tries_end(pigeon, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "ATTEMPTS": 3}
    pk = a_notification().pk
    pigeon.script.extend([ChannelError("The loft is closed.")] * 5)
    found = []
    for _ in range(5):
        found.append(delivery.deliver(pk))
        later(LONG)
    assert found == [Status.QUEUED, Status.QUEUED, Status.FAILED, None, None]


def test_a_channel_that_was_removed_is_waited_for(pigeon, settings):
    pk = a_notification().pk
    settings.NOTIFICATIONS = {}
    assert delivery.deliver(pk) is None
    assert (now(pk).status, now(pk).error) == ("queued", "No channel leads to the receiver at the moment.")
    Notification.objects.update(created_at=F("created_at") - LONG, due_at=F("due_at") - LONG)
    delivery.deliver(pk)
    assert now(pk).status == "failed", "after a day nobody is waited for any more"


def test_an_error_text_that_no_database_could_keep_is_kept_as_far_as_it_goes(pigeon):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("half \ud800, zero \x00, " + "long " * 2000, code="\x00" * 500))
    assert delivery.deliver(pk) == Status.QUEUED
    assert len(now(pk).error) == 2000


def test_a_late_success_counts(pigeon):
    pk = a_notification().pk
    held = claim(pk)
    later(LONG)
    assert take_back(pk) == Status.QUEUED

    assert record(held, Outcome(result=Result.SENT, provider_id="late")).status == Status.SENT
    later(LONG)
    assert delivery.deliver(pk) is None
    assert (now(pk).deliveries.get().provider_id, results(pk)) == ("late", ["sent"])


def test_a_late_success_counts_when_another_worker_is_refused_meanwhile(pigeon):
    pk = a_notification().pk
    slow = claim(pk)
    later(LONG)
    take_back(pk)
    later(LONG)
    fast = claim(pk)
    assert record(slow, Outcome(result=Result.SENT)).status == Status.SENDING
    assert record(fast, Outcome(result=Result.REFUSED)).status == Status.SENT


def test_a_late_success_after_another_one_is_known_as_a_second(pigeon):
    pk = a_notification().pk
    slow = claim(pk)
    later(LONG)
    take_back(pk)
    later(LONG)
    delivery.deliver(pk)
    assert record(slow, Outcome(result=Result.SENT, provider_id="late")).status == Status.SENT
    assert (now(pk).status, results(pk)) == ("sent", ["sent", "sent"])


@pytest.mark.parametrize("ended", [Result.REFUSED, Result.SILENT])
def test_a_late_success_corrects_an_end(pigeon, settings, ended):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "ATTEMPTS": 2}
    pk = a_notification().pk
    slow = claim(pk)
    later(LONG)
    take_back(pk)
    later(LONG)
    assert record(claim(pk), Outcome(result=ended)).status == Status.UNKNOWN
    assert record(slow, Outcome(result=Result.SENT)).status == Status.SENT


def test_a_late_failure_changes_nothing(pigeon):
    pk = a_notification().pk
    held = claim(pk)
    later(LONG)
    take_back(pk)
    before = Notification.objects.filter(pk=pk).values().get()
    assert record(held, Outcome(result=Result.REFUSED, error="late")).status == Status.QUEUED
    assert Notification.objects.filter(pk=pk).values().get() == before
    assert results(pk) == ["silent"]


def test_a_sweep_that_comes_late_finds_nothing_to_take_back(pigeon):
    pk = a_notification().pk
    held = claim(pk)
    assert take_back(pk) is None, "its lease is not over"
    record(held, Outcome(result=Result.NOT_NOW))
    later(LONG)
    assert take_back(pk) is None, "it was recorded since the sweep looked"
    assert results(pk) == ["not_now"]


def test_recording_twice_is_recording_once(pigeon):
    """A connection that is lost during COMMIT leaves open whether it was; so it is recorded again."""
    pk = a_notification().pk
    held = claim(pk)
    for _ in range(2):
        assert record(held, Outcome(result=Result.NOT_NOW, error="closed")).status == Status.QUEUED
    assert (now(pk).tries, results(pk)) == (1, ["not_now"])


@pytest.mark.django_db(transaction=True)
def test_what_was_sent_is_recorded_although_the_database_is_away_for_a_moment(pigeon, monkeypatch):
    pk = a_notification().pk
    monkeypatch.setattr(delivery, "PAUSE", 0)
    away = [OperationalError("the server is gone"), OperationalError("the server is starting up")]

    def refuse(execute, sql, params, many, context):
        if away and sql.startswith("UPDATE"):
            raise away.pop()
        return execute(sql, params, many, context)

    broken = connection.execute_wrapper(refuse)
    pigeon.script.append(broken.__enter__)
    try:
        assert delivery.deliver(pk) == Status.SENT
    finally:
        broken.__exit__(None, None, None)
    assert (away, results(pk), len(pigeon.letters)) == ([], ["sent"], 1)


def test_logs_show_no_address(pigeon, caplog):
    caplog.set_level(logging.DEBUG)
    pk = a_notification(receiver={"loft": "jane.roe@example.org"}).pk
    pigeon.script.append(ChannelError("jane.roe@example.org is unknown here."))
    delivery.deliver(pk)
    assert "j…@example.org" in caplog.text
    assert "jane.roe" not in caplog.text
    assert "jane.roe" not in str(now(pk))
    assert "jane.roe" not in Attempt.objects.get().error


@pytest.mark.parametrize("message", ["", "nonsense", None, 17, {}, "00000000-0000-0000-0000-000000000000"])
def test_a_message_that_names_nothing_is_left_alone(message):
    tasks.deliver(message)


def test_a_notification_without_a_clock_cannot_be_stored(pigeon):
    from django.db import IntegrityError

    pk = a_notification().pk
    for forgotten in ({"due_at": None}, {"status": "sending"}, {"status": "sent"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notification.objects.filter(pk=pk).update(**forgotten)
