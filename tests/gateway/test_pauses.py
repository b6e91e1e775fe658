"""How long nobody tries again."""

from datetime import timedelta

import pytest

from gateway import pauses
from gateway.pauses import at_least, doubling

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("1.5", timedelta(seconds=1.5)),
        ("-5", timedelta(0)),
        ("999999999999", timedelta(hours=1)),
        ("9" * 5000, None),
        ("soon", None),
        ("٣", None),
        ("", None),
        ("Sat, 21 Nov 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(hours=1)),
        ("Sat, 99 Nov 2026 12:01:30 GMT", None),
        ("Sat, 21 Nov 2026 12:01:30 -0000", timedelta(seconds=90)),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_absurd(value, expected):
    headers = {"retry-after": value, "date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    assert pauses.retry_after(headers, longest=timedelta(hours=1)) == expected


@pytest.mark.parametrize(("tries", "seconds"), [(0, 2), (1, 2), (2, 4), (3, 8), (6, 60), (7, 60), (10**9, 60)], ids=str)
def test_each_pause_is_twice_as_long_as_the_one_before_up_to_the_longest(tries, seconds):
    assert doubling(tries, first=2 * SECOND, longest=MINUTE) == seconds * SECOND


def test_a_first_pause_of_days_breaks_nothing():
    assert doubling(10**9, first=timedelta(days=365), longest=timedelta(days=3650)) == timedelta(days=3650)


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, MINUTE), (SECOND, MINUTE), (2 * MINUTE, 2 * MINUTE), (2 * HOUR, HOUR)], ids=str
)
def test_what_the_other_side_asks_for_makes_a_pause_longer_and_never_endless(asked, expected):
    assert at_least(asked, MINUTE, longest=HOUR) == expected
