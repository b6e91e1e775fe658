"""What is old is forgotten, then removed, in bounded steps that indexes serve."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import F

from notifications import delivery, pruning
from notifications.models import Attempt, Notification
from notifications.pruning import old_attempts, old_notifications, old_words, prune
from tests.notifications.post import a_notification, now

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
KEEP = {"KEEP_CONTENTS": 10 * DAY, "KEEP_ATTEMPTS": 20 * DAY, "KEEP": 30 * DAY}


@pytest.fixture
def kept(pigeon, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **KEEP}


def ended(days, **values):
    """One that was sent so many days ago."""
    found = a_notification(**values)
    delivery.deliver(found.pk)
    by = timedelta(days=days)
    Notification.objects.filter(pk=found.pk).update(ended_at=F("ended_at") - by)
    Attempt.objects.filter(notification=found).update(ended_at=F("ended_at") - by)
    return found.pk


def test_words_go_first_then_attempts_then_the_notification(kept):
    young, old, older, oldest = (ended(days) for days in (9, 11, 21, 31))
    waiting = a_notification().pk
    prune()
    assert (now(young).content, now(young).forgotten_at) == ({"text": "coo"}, None)
    assert (now(old).content, now(old).receiver, now(old).attempts.count()) == ({}, {}, 1)
    assert (now(older).status, now(older).tries, now(older).attempts.count()) == ("sent", 1, 0)
    assert not Notification.objects.filter(pk=oldest).exists()
    assert now(waiting).content == {"text": "coo"}


def test_one_run_does_no_more_than_it_may(kept, monkeypatch):
    monkeypatch.setattr(pruning, "CHUNK", 2)
    for _ in range(5):
        ended(11)
    assert [prune(most=2).forgotten, prune(most=2).forgotten, prune(most=2).forgotten] == [4, 1, 0]


def test_nothing_is_pruned_that_is_kept_for_ever(pigeon, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **dict.fromkeys(KEEP)}
    pk = ended(10_000)
    assert prune() == pruning.Pruned()
    assert now(pk).content == {"text": "coo"}


def test_what_a_topics_message_became_goes_before_it(kept):
    parent, part = ended(31), ended(5)
    Notification.objects.filter(pk=part).update(part_of=parent)
    prune()
    assert Notification.objects.filter(pk=parent).exists()
    Notification.objects.filter(pk=part).update(ended_at=F("ended_at") - 31 * DAY)
    prune()
    prune()
    assert not Notification.objects.exists()


def test_the_command_says_how_much_it_would_be_and_then_does_it(kept):
    ended(11)
    ended(31)
    out = StringIO()
    call_command("notifications", "prune", "--dry-run", stdout=out)
    assert "2 notifications would be forgotten, 1 attempts and 1 notifications would be removed." in out.getvalue()
    assert Notification.objects.count() == 2
    call_command("notifications", "prune", stdout=out)
    assert Notification.objects.count() == 1


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("old", [old_words, old_attempts, old_notifications])
def test_an_index_serves_every_look(kept, old):
    plan = old().values_list("pk")[:200].explain()
    assert "USING INDEX" in plan or "USING COVERING INDEX" in plan, plan
    assert "USE TEMP B-TREE" not in plan, plan
