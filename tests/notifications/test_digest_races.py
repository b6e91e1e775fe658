"""Digests and limits while many workers and sweeps are at it, and while one of them dies."""

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.db.models import F

from notifications import delivery, digests
from notifications.conf import Category, Digest
from notifications.models import Notification, ProviderHealth
from notifications.sweep import sweep
from tests.notifications.crowd import MANY, at_once
from tests.notifications.post import a_notification, later, now

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def news(pigeon, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "CATEGORIES": {
            "news": Category(quiet=False, digest=Digest(every=HOUR)),
            "hints": Category(quiet=False, per_hour=3),
        },
    }
    return pigeon


def collected(number):
    """So many that were collected, and whose window is over."""
    pks = [a_notification(category="news", content={"text": f"({n})"}).pk for n in range(number)]
    for pk in pks:
        delivery.deliver(pk)
    later(HOUR)
    Notification.objects.update(collected_until=F("collected_until") - HOUR)
    return pks


def work(pks=None):
    for pk in pks or Notification.objects.due().order_by("pk").values_list("pk", flat=True):
        delivery.deliver(pk)


def said(letters):
    """How often each message was said."""
    return Counter(part for letter in letters for part in letter.text.split())


def test_many_workers_make_one_digest(news):
    pks = collected(5)
    at_once(lambda: work(pks))
    work()
    (letter,) = news.letters
    assert said([letter]) == {f"({n})": 1 for n in range(5)}
    assert Notification.objects.filter(digest_size__gt=0).count() == 1


def test_what_arrives_while_windows_end_is_said_once_whoever_is_faster(news):
    collected(3)
    numbers = count(100)

    def one():
        pk = a_notification(category="news", content={"text": f"({next(numbers)})"}).pk
        delivery.deliver(pk)
        work()
        sweep()

    at_once(one)
    later(HOUR)
    Notification.objects.update(collected_until=F("collected_until") - HOUR)
    for _ in range(3):
        work()
    assert said(news.letters) == {**{f"({n})": 1 for n in range(3)}, **{f"({n})": 1 for n in range(100, 100 + MANY)}}
    assert set(Notification.objects.values_list("status", flat=True)) == {"sent"}


def test_a_worker_that_dies_in_the_midst_of_a_digest_costs_nothing(news):
    """Its transaction is what it takes along: before any statement of it, and so also instead of its commit."""
    pks = collected(3)
    for dies_at in count():
        seen = count()

        def die(execute, sql, params, many, context):
            if next(seen) == dies_at:  # noqa: B023 - it is called in this round
                raise SystemExit
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(die):
                digests.gather(now(pks[0]))
        except SystemExit:
            assert [now(pk).status for pk in pks] == ["scheduled"] * 3
            assert not Notification.objects.filter(digest_size__gt=0).exists()
        else:
            break
    work()
    assert said(news.letters) == {f"({n})": 1 for n in range(3)}


def test_a_limit_holds_under_many_workers(news):
    pks = [a_notification(category="hints").pk for _ in range(10)]
    at_once(lambda: work(pks))
    work(pks)
    assert len(news.letters) == 3
    assert Counter(now(pk).status for pk in pks) == {"sent": 3, "scheduled": 7}


def test_a_providers_rate_holds_under_many_workers(news, settings):
    """Thirty a minute are one every two seconds, so that one goes at once and each next one has a time of its own."""
    entry = {**settings.NOTIFICATIONS["PROVIDERS"]["pigeon"], "per_minute": 30}
    settings.NOTIFICATIONS = {"PROVIDERS": {"pigeon": entry}}
    begun = a_notification().created_at or now(Notification.objects.get().pk).created_at
    for _ in range(9):
        a_notification()
    pks = list(Notification.objects.values_list("pk", flat=True))
    at_once(lambda: work(pks))
    free_at = ProviderHealth.objects.get().free_at
    assert free_at - begun >= len(news.letters) * timedelta(seconds=2)
