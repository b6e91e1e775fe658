"""Quiet hours, also over midnight and where clocks are put forward or back."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from notifications import delivery
from notifications.models import Receiver
from notifications.quiet import quiet_until
from tests.notifications.post import CALLER, a_notification, now

BERLIN = "Europe/Berlin"
NIGHT = time(22), time(7)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "hours", "until"),
    [
        ("2026-01-15T12:00", NIGHT, None),
        ("2026-01-15T20:59", NIGHT, None),
        ("2026-01-15T21:00", NIGHT, "2026-01-16T06:00"),  # winter: UTC+1
        ("2026-01-16T05:59", NIGHT, "2026-01-16T06:00"),
        ("2026-01-16T06:00", NIGHT, None),
        ("2026-07-15T20:00", NIGHT, "2026-07-16T05:00"),  # summer: UTC+2
        ("2026-01-15T12:00", (time(12), time(14)), "2026-01-15T13:00"),
        ("2026-01-15T12:00", (time(9), time(9)), None),  # none at all
        # 29 March 2026: 02:00 becomes 03:00
        ("2026-03-28T22:00", NIGHT, "2026-03-29T05:00"),
        ("2026-03-28T22:00", (time(22), time(2, 30)), "2026-03-29T01:30"),  # a time that does not come
        ("2026-03-29T00:59", (time(22), time(3)), "2026-03-29T01:00"),  # it ends with the jump
        # 25 October 2026: 03:00 becomes 02:00, 02:30 comes twice
        ("2026-10-24T21:00", NIGHT, "2026-10-25T06:00"),
        ("2026-10-24T21:00", (time(22), time(2, 30)), "2026-10-25T00:30"),
        ("2026-10-25T01:10", (time(22), time(2, 30)), "2026-10-25T01:30"),  # the second 02:10
        ("2026-10-25T00:10", (time(2), time(3)), "2026-10-25T02:00"),  # both of them
    ],
)
def test_they_end_when_the_wall_says_so(at, hours, until):
    assert quiet_until(utc(at), BERLIN, *hours) == (None if until is None else utc(until))


@hypothesis(deadline=None)  # the first look at a time zone reads it from the disk
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from([BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", "Africa/Casablanca"]),
    st.times().filter(lambda moment: moment.tzinfo is None),
    st.times().filter(lambda moment: moment.tzinfo is None),
)
def test_their_end_is_ahead_within_a_day_or_so_and_not_quiet(at, zone, begins, ends):
    until = quiet_until(at, zone, begins, ends)
    if until is not None:
        assert at < until <= at + timedelta(hours=26)
        assert quiet_until(until, zone, begins, ends) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("category", "zone", "status"),
    [("news", "UTC", "scheduled"), ("news", "", "sent"), ("transactional", "UTC", "sent"), ("code", "UTC", "sent")],
)
def test_what_may_wait_waits_for_their_end(pigeon, category, zone, status):
    ends = (datetime.now(UTC) + timedelta(hours=2)).time()
    begins = (datetime.now(UTC) - timedelta(hours=2)).time()
    Receiver.objects.create(
        tenant=CALLER.tenant, key="jane", timezone=zone, quiet_from=begins, quiet_to=ends, addresses={"loft": "17"}
    )
    pk = a_notification(receiver={"id": "jane"}, category=category).pk
    delivery.deliver(pk)
    found = now(pk)
    assert found.status == status
    if status == "scheduled":
        assert found.due_at.time() == ends
        assert (found.error, found.tries) == ("The receiver's quiet hours.", 0)


@pytest.mark.django_db
def test_the_requests_time_zone_and_the_services_own_hours_will_do(pigeon, settings):
    ends = (datetime.now(UTC) + timedelta(hours=2)).time()
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "QUIET_HOURS": ((datetime.now(UTC) - timedelta(hours=2)).time(), ends),
    }
    for receiver, status in (({"loft": "1", "timezone": "UTC"}, "scheduled"), ({"loft": "1"}, "sent")):
        pk = a_notification(receiver=receiver, category="news").pk
        delivery.deliver(pk)
        assert now(pk).status == status
