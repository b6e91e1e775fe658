"""What can be asked for beside sending at once: later, never, once more, or only as if."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.record import claim, record
from notifications.sweep import sweep
from notifications.verdict import Outcome, Result
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

LONG = timedelta(days=1)
HOUR = timedelta(hours=1)


def in_(time):
    return datetime.now(UTC) + time


def test_what_is_to_be_sent_later_waits_and_is_rung_for_then(pigeon, rung):
    pk = a_notification(send_at=in_(HOUR)).pk
    assert now(pk).status == "scheduled"
    assert delivery.deliver(pk) is None
    sweep()
    assert rung() == []
    later(HOUR)
    sweep()
    assert rung() == [str(pk)]
    assert delivery.deliver(pk) == "sent"


def test_a_time_that_has_passed_is_now(pigeon):
    assert a_notification(send_at=in_(-HOUR)).status == "accepted"


def test_what_is_not_sent_in_time_expires_and_is_rung_for_then(pigeon, rung):
    pk = a_notification(expires_at=in_(HOUR)).pk
    pigeon.script.extend([ChannelError("It rains.")] * 30)
    assert rung() == []
    later(timedelta(minutes=59))
    while delivery.deliver(pk):
        later(timedelta(seconds=50))
    assert (now(pk).status, now(pk).error) == ("expired", "Its time was over before it could be sent.")
    assert now(pk).ended_at is not None


def test_the_pause_ends_when_the_time_is_over(pigeon):
    pk = a_notification(expires_at=in_(HOUR)).pk
    pigeon.script.append(ChannelError("It rains.", retry_after=2 * HOUR))
    delivery.deliver(pk)
    assert now(pk).due_at == now(pk).expires_at


def test_what_expires_while_it_may_have_arrived_is_not_called_expired(pigeon):
    pk = a_notification(expires_at=in_(HOUR)).pk
    pigeon.script.append(ChannelError("It flew away.", Result.UNKNOWN))
    delivery.deliver(pk)
    later(LONG)
    delivery.deliver(pk)
    assert now(pk).status == "unknown"


def test_a_category_has_a_lifetime(pigeon):
    found = a_notification(category="code", send_at=in_(HOUR))
    assert found.expires_at - found.due_at == timedelta(minutes=10)
    assert a_notification().expires_at is None


def test_what_is_unsent_is_called_off_for_good(service, pigeon):
    pk = a_notification(send_at=in_(HOUR)).pk
    type(now(pk)).objects.update(tenant="default")
    answer = service.post(f"{PATH}{pk}/cancel/", {"reason": "The order was cancelled."}, "application/json")
    assert (answer.status_code, answer.json()["status"], answer.json()["allowed"]) == (200, "cancelled", [])
    later(LONG)
    assert delivery.deliver(pk) is None
    assert service.post(f"{PATH}{pk}/cancel/", {}, "application/json").status_code == 200, "twice is once"
    events = service.get(f"{PATH}{pk}/").json()["events"]
    assert [(event["kind"], event["detail"]) for event in events] == [
        ("cancel", "The order was cancelled."),
        ("cancelled", "The order was cancelled."),
    ]
    assert events[0]["actor"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_was_sent_stays_sent(service, pigeon, verb):
    pk = a_notification().pk
    delivery.deliver(pk)
    answer = service.post(f"{PATH}{pk}/{verb}/", {}, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert (answer.json()["code"], answer.json()["allowed"]) == ("not_allowed", [])
    assert now(pk).status == "sent"


def test_what_is_being_sent_cannot_be_called_off(service, pigeon):
    pk = a_notification().pk
    claim(pk)
    assert service.post(f"{PATH}{pk}/cancel/", {}, "application/json").status_code == 409


def test_one_that_may_have_arrived_is_called_off_as_unknown(service, pigeon):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("It flew away.", Result.UNKNOWN))
    delivery.deliver(pk)
    assert service.post(f"{PATH}{pk}/cancel/", {}, "application/json").json()["status"] == "unknown"


def test_a_person_tries_once_more_with_all_tries(service, pigeon, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "ATTEMPTS": 2}
    pk = a_notification().pk
    pigeon.script.extend([ChannelError("It rains.")] * 3)
    for _ in range(2):
        delivery.deliver(pk)
        later(LONG)
    assert now(pk).status == "failed"
    assert service.get(f"{PATH}{pk}/").json()["allowed"] == ["retry"]
    assert service.post(f"{PATH}{pk}/retry/", {"reason": "Sunny."}, "application/json").json()["status"] == "queued"
    assert delivery.deliver(pk) == "queued"
    later(LONG)
    assert delivery.deliver(pk) == "sent"
    assert results(pk) == ["not_now", "not_now", "not_now", "sent"]


def test_a_person_may_repeat_what_is_sent_at_most_once_and_its_doubt_is_kept(service, pigeon):
    pk = a_notification(category="code").pk
    pigeon.script.extend([ChannelError("It flew away.", Result.UNKNOWN), ChannelError("No.", Result.REFUSED)])
    assert delivery.deliver(pk) == "unknown"
    service.post(f"{PATH}{pk}/retry/", {}, "application/json")
    assert delivery.deliver(pk) == "unknown", "the first may have arrived, whatever is said of the second"
    assert results(pk) == ["unknown", "refused"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_verbs_are_for_its_own_tenant(service, pigeon, verb):
    pk = a_notification().pk
    type(now(pk)).objects.update(tenant="other")
    hidden = service.post(f"{PATH}{pk}/{verb}/", {}, "application/json")
    missing = service.post(f"{PATH}00000000-0000-0000-0000-000000000000/{verb}/", {}, "application/json")
    assert hidden.status_code == missing.status_code == 404
    assert now(pk).status == "accepted"


def test_a_sandbox_keeps_what_it_would_have_sent(service, pigeon):
    body = {"receiver": {"loft": "17"}, "content": {"subject": "Hi", "text": "coo"}, "mode": "sandbox"}
    pk = service.ask(body).json()["id"]
    assert delivery.deliver(now(pk).pk) == "sent"
    assert pigeon.letters == []
    (kept,) = service.get(f"{PATH}{pk}/").json()["deliveries"]
    assert kept["captured"] == {"address": "17", "subject": "Hi", "text": "coo"}


def test_the_sweep_rings_for_the_urgent_first(pigeon, rung):
    slow, usual, fast = (a_notification(priority=name).pk for name in ("bulk", "normal", "urgent"))
    assert rung() == []
    later(timedelta(seconds=11))
    sweep()
    assert rung() == [str(fast), str(usual), str(slow)]


def test_the_timeline_tells_everything_in_order(service, pigeon):
    pk = a_notification(send_at=in_(HOUR)).pk
    later(HOUR)
    pigeon.script.append(ChannelError("It rains.", code="rain"))
    delivery.deliver(pk)
    later(LONG)
    record(claim(pk), Outcome(result=Result.SENT, provider_id="p1"))
    told = service.get(f"{PATH}{pk}/").json()
    assert [(one["provider"], one["result"], one["code"]) for one in told["attempts"]] == [
        ("pigeon", "not_now", "rain"),
        ("pigeon", "sent", None),
    ]
    assert [one["kind"] for one in told["events"]] == ["sent"]
    assert told["deliveries"][0]["provider_id"] == "p1"
