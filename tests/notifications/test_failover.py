"""A provider fails and another is tried, a channel fails and the next is; who fails often is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.lifecycle import Status
from notifications.models import Delivery, ProviderHealth
from notifications.record import claim, record, take_back
from notifications.verdict import Outcome, Result
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

LONG = timedelta(days=1)
PIGEON = "tests.notifications.post.Pigeon"


@pytest.fixture
def flock(pigeon, settings):
    """A channel with two providers, and one to fall back to."""
    settings.NOTIFICATIONS = {
        "PROVIDERS": {
            "first": {"channel": "pigeon", "path": PIGEON, "options": {"name": "first"}},
            "second": {"channel": "pigeon", "path": PIGEON, "options": {"name": "second"}},
            "raven": {"channel": "raven", "path": "tests.notifications.post.Raven"},
        },
        "BREAKER_FAILURES": 3,
    }
    return pigeon


BOTH = {"loft": "17", "tower": "3"}


def providers(pk):
    return list(now(pk).attempts.values_list("provider", flat=True))


@pytest.mark.parametrize("result", [Result.OUT, Result.NOT_NOW, Result.DENIED, Result.UNKNOWN])
def test_the_second_provider_is_tried_at_once(flock, result):
    flock.script.append(ChannelError("Not today.", result))
    pk = a_notification().pk
    assert delivery.deliver(pk) == Status.SENT
    assert (providers(pk), results(pk)) == (["first", "second"], [result, "sent"])


def test_when_both_have_failed_there_is_a_pause_and_then_it_begins_with_the_first(flock):
    flock.script.extend([ChannelError("Not today.")] * 2)
    pk = a_notification().pk
    assert delivery.deliver(pk) == Status.QUEUED
    assert delivery.deliver(pk) is None
    later(LONG)
    assert delivery.deliver(pk) == Status.SENT
    assert providers(pk) == ["first", "second", "first"]


def test_a_refusal_is_not_taken_to_another_provider_but_to_the_next_channel(flock):
    flock.script.append(ChannelError("Too heavy.", Result.REFUSED))
    pk = a_notification(receiver=BOTH).pk
    assert delivery.deliver(pk) == Status.SENT
    assert providers(pk) == ["first", "raven"]
    assert list(now(pk).deliveries.values_list("channel", "status")) == [("pigeon", "failed"), ("raven", "sent")]
    assert now(pk).channel == "raven"


def test_the_channels_of_the_request_are_taken_in_its_order(flock):
    pk = a_notification(receiver=BOTH, channels=["raven", "pigeon"]).pk
    flock.script.append(ChannelError("No such tower.", Result.GONE))
    delivery.deliver(pk)
    assert providers(pk) == ["raven", "first"]


def test_when_every_channel_has_failed_the_last_one_says_how(flock):
    flock.script.extend([ChannelError("Too heavy.", Result.REFUSED), ChannelError("No such tower.", Result.GONE)])
    pk = a_notification(receiver=BOTH).pk
    assert delivery.deliver(pk) == Status.BOUNCED
    assert now(pk).error == "No such tower."


def test_a_doubt_in_one_channel_is_not_hidden_by_the_failure_of_the_next(flock, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "ATTEMPTS": 1}
    flock.script.extend([ChannelError("It flew away.", Result.UNKNOWN), ChannelError("Too heavy.", Result.REFUSED)])
    pk = a_notification(receiver=BOTH).pk
    assert delivery.deliver(pk) == Status.UNKNOWN
    assert providers(pk) == ["first", "raven"]


@pytest.mark.parametrize("category", ["code", "payment"])
def test_at_most_once_stops_for_a_person_whatever_other_ways_there_are(flock, category):
    flock.script.append(ChannelError("It flew away.", Result.UNKNOWN))
    pk = a_notification(receiver=BOTH, category=category).pk
    assert delivery.deliver(pk) == Status.UNKNOWN
    assert providers(pk) == ["first"]
    later(LONG)
    assert delivery.deliver(pk) is None


def test_at_most_once_goes_on_while_nothing_can_have_been_sent(flock):
    flock.script.extend([ChannelError("Not today.", Result.OUT), ChannelError("Too heavy.", Result.REFUSED)])
    pk = a_notification(receiver=BOTH, category="code").pk
    assert delivery.deliver(pk) == Status.SENT
    assert providers(pk) == ["first", "second", "raven"]


def test_a_provider_that_failed_often_is_left_alone_then_one_letter_tries_it(flock):
    for _ in range(3):
        flock.script.append(ChannelError("Not today.", Result.OUT))
        delivery.deliver(a_notification().pk)
    assert ProviderHealth.objects.get().failures == 3
    delivery.deliver(pk := a_notification().pk)
    assert providers(pk) == ["second"]

    later(timedelta(minutes=1))
    trial, beside = a_notification().pk, a_notification().pk
    flock.script.append(lambda: delivery.deliver(beside))
    delivery.deliver(trial)
    assert (providers(trial), providers(beside)) == (["first"], ["second"])
    assert ProviderHealth.objects.get().open_until is None
    delivery.deliver(pk := a_notification().pk)
    assert providers(pk) == ["first"]


def test_the_letter_that_tries_it_in_vain_leaves_it_alone_again(flock):
    for _ in range(3):
        flock.script.append(ChannelError("Not today.", Result.OUT))
        delivery.deliver(a_notification().pk)
    later(timedelta(minutes=1))
    flock.script.append(ChannelError("Not today, either.", Result.OUT))
    delivery.deliver(a_notification().pk)
    delivery.deliver(pk := a_notification().pk)
    assert providers(pk) == ["second"]


@pytest.mark.parametrize(
    "error",
    [
        ChannelError("Wrong key.", Result.DENIED),
        ChannelError("Too many.", Result.OUT, retry_after=timedelta(minutes=10)),
    ],
)
def test_one_that_does_not_let_us_in_or_asks_for_a_pause_is_left_alone_at_once(flock, error):
    flock.script.append(error)
    delivery.deliver(a_notification().pk)
    delivery.deliver(pk := a_notification().pk)
    assert providers(pk) == ["second"]
    assert ProviderHealth.objects.get().error == str(error)


@pytest.mark.parametrize("result", [Result.NOT_NOW, Result.REFUSED, Result.GONE])
def test_what_is_the_receivers_fault_is_not_the_providers(flock, result):
    for _ in range(4):
        flock.script.append(ChannelError("Nobody is at home.", result))
        delivery.deliver(a_notification().pk)
    assert not ProviderHealth.objects.exists()


def test_when_all_are_left_alone_it_waits_without_a_try(flock):
    flock.script.extend([ChannelError("Wrong key.", Result.DENIED)] * 2)
    delivery.deliver(a_notification().pk)
    pk = a_notification().pk
    assert delivery.deliver(pk) is None
    found = now(pk)
    assert (found.status, found.tries) == ("queued", 0)
    assert "No provider of pigeon takes anything now." in found.error
    later(LONG)
    assert delivery.deliver(pk) == Status.SENT


def test_a_success_forgets_the_failures(flock):
    for result in (Result.OUT, None, Result.OUT, Result.OUT):
        flock.script.append(ChannelError("Not today.", result) if result else lambda: None)
        delivery.deliver(a_notification().pk)
        if result is None:
            assert ProviderHealth.objects.get(pk="first").failures == 0
    assert ProviderHealth.objects.get(pk="first").open_until is None


def test_a_late_success_stops_the_next_channel(flock):
    """The worker of the first channel is given up on, the second channel is being tried, and then the first speaks."""
    pk = a_notification(receiver=BOTH, channels=["raven", "pigeon"]).pk
    slow = claim(pk)
    later(LONG)
    take_back(pk)
    Delivery.objects.filter(channel="raven").update(status="unknown", ended_at=now(pk).created_at)
    later(LONG)

    def meanwhile():
        record(slow, Outcome(result=Result.SENT))
        raise ChannelError("Not today.")

    flock.script.append(meanwhile)
    assert delivery.deliver(pk) == Status.SENT
    assert (providers(pk), results(pk)) == (["raven", "first"], ["sent", "not_now"])


def test_a_provider_is_given_no_more_than_its_rate_and_the_rest_goes_elsewhere_or_waits(flock, settings):
    entries = settings.NOTIFICATIONS["PROVIDERS"]
    entries = {"first": {**entries["first"], "per_minute": 60}, "second": {**entries["second"], "per_minute": 30}}
    settings.NOTIFICATIONS = {"PROVIDERS": entries}
    ProviderHealth.objects.create(name="first", free_at=datetime.now(UTC) + timedelta(hours=1))
    delivery.deliver(pk := a_notification().pk)
    assert providers(pk) == ["second"]
    ProviderHealth.objects.update(free_at=datetime.now(UTC) + timedelta(hours=1))
    waits = a_notification().pk
    assert delivery.deliver(waits) is None
    found = now(waits)
    assert (found.status, found.tries) == ("queued", 0)
    assert found.due_at == ProviderHealth.objects.order_by("free_at")[0].free_at


def test_a_rate_moves_on_with_every_message(flock, settings):
    entry = {**settings.NOTIFICATIONS["PROVIDERS"]["first"], "per_minute": 2}
    settings.NOTIFICATIONS = {"PROVIDERS": {"first": entry}}
    first, second = a_notification().pk, a_notification().pk
    assert delivery.deliver(first) == Status.SENT
    assert ProviderHealth.objects.get().free_at >= now(first).created_at + timedelta(seconds=30)
    free_at = datetime.now(UTC) + timedelta(hours=1)
    ProviderHealth.objects.update(free_at=free_at)
    assert delivery.deliver(second) is None
    assert (now(second).due_at, ProviderHealth.objects.get().free_at) == (free_at, free_at)
    later(LONG)
    ProviderHealth.objects.update(free_at=free_at - LONG)
    assert delivery.deliver(second) == Status.SENT
