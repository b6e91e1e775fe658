"""What the doors keep for a while only is removed when that is over, and nothing before."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from gateway import idempotency, pruning
from gateway.callers import Caller
from gateway.models import IdempotencyKey

CALLER = Caller(name="service")


def answered(key: str, *, ago: timedelta = timedelta(0)) -> None:
    """A request was answered under that key, so long ago."""
    with idempotency.remembered(CALLER, "a", key, {}) as memory:
        memory.keep(200, {})
    IdempotencyKey.objects.filter(key=key).update(created_at=timezone.now() - ago)


def known() -> set[str]:
    return set(IdempotencyKey.objects.values_list("key", flat=True))


@pytest.mark.django_db
def test_a_key_is_known_for_seven_days_and_no_longer():
    answered("old", ago=timedelta(days=7, minutes=1))
    answered("young", ago=timedelta(days=6, hours=23))
    assert pruning.prune() == 1
    assert known() == {"young"}


@pytest.mark.django_db
def test_the_settings_say_for_how_long(settings):
    settings.GATEWAY = {**settings.GATEWAY, "IDEMPOTENCY_KEPT": timedelta(hours=1)}
    answered("old", ago=timedelta(minutes=61))
    answered("young", ago=timedelta(minutes=59))
    pruning.prune()
    assert known() == {"young"}


@pytest.mark.django_db
def test_however_many_there_are_they_go_in_batches_and_a_run_has_an_end(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(pruning, "MOST", 2)
    for number in range(7):
        answered(str(number), ago=timedelta(days=8, hours=-number))
    assert pruning.prune() == 4
    assert known() == {"4", "5", "6"}, "the oldest go first"
    assert pruning.prune() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_a_key_that_a_request_holds_at_this_moment_holds_nobody_up():
    answered("held", ago=timedelta(days=8))
    answered("free", ago=timedelta(days=8))
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM gateway_idempotencykey WHERE key = 'held' FOR UPDATE")
        assert pruning.prune() == 1
        assert known() == {"held"}
    finally:
        other.close()


@pytest.mark.django_db
def test_sessions_that_are_over_go_as_well():
    for key, ahead in (("over", -1), ("alive", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(hours=ahead))
    pruning.prune()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["alive"]
