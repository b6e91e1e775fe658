"""What outcomes mean: a table."""

from datetime import timedelta

import pytest

from notifications.conf import Conf
from notifications.lifecycle import Status
from notifications.verdict import Again, End, Result, judge, pause_after

CONF = Conf(attempts=5, first_pause=timedelta(seconds=5), longest_pause=timedelta(minutes=1), silent_attempts=3)

S, R, N, U, X = Result.SENT, Result.REFUSED, Result.NOT_NOW, Result.UNKNOWN, Result.SILENT
G, OUT, D = Result.GONE, Result.OUT, Result.DENIED


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([S], Status.SENT),
        ([N, U, S], Status.SENT),
        ([S, R], Status.SENT),  # a late success is known, whatever the last attempt says
        ([R], Status.FAILED),
        ([N, R], Status.FAILED),
        ([G], Status.BOUNCED),
        ([OUT, D, G], Status.BOUNCED),
        ([U, G], Status.UNKNOWN),
        ([U, R], Status.UNKNOWN),  # a refusal speaks of its own attempt only
        ([X, R], Status.UNKNOWN),
        ([N, N, N, N, N], Status.FAILED),
        ([N, U, N, N, N], Status.UNKNOWN),
        ([X, X, X], Status.UNKNOWN),  # poison
    ],
)
def test_it_is_over(results, status):
    assert judge(results, CONF) == End(status)


@pytest.mark.parametrize("results", [[N], [OUT], [D], [U], [X], [X, X], [X, X, N], [X, X, N, X], [N, N, N, N]])
def test_it_is_tried_again(results):
    assert judge(results, CONF, chance=0.0) == Again(pause_after(len(results), CONF, chance=0.0))


@pytest.mark.parametrize("results", [[U], [X], [N, U]])
def test_at_most_once_stops_at_the_first_doubt(results):
    assert judge(results, CONF, repeat=False) == End(Status.UNKNOWN)
    assert judge(results, CONF, repeat=False, elsewhere=True) == End(Status.UNKNOWN)
    assert judge([N], CONF, repeat=False, elsewhere=True) == Again(timedelta()), "what was not sent is tried again"


def test_a_doubt_from_before_a_persons_retry_is_not_forgotten():
    assert judge([R], CONF, doubt_before=True) == End(Status.UNKNOWN)
    assert judge([S], CONF, doubt_before=True) == End(Status.SENT)
    assert isinstance(judge([N], CONF, doubt_before=True, repeat=False), Again)


def test_another_provider_is_tried_at_once_and_else_what_was_asked_for_is_waited():
    assert judge([OUT], CONF, elsewhere=True, retry_after=timedelta(hours=1)) == Again(timedelta())
    assert judge([OUT], CONF, retry_after=timedelta(hours=1)) == Again(timedelta(hours=1))
    assert judge([OUT], CONF, retry_after=timedelta(seconds=1), chance=1.0) == Again(timedelta(seconds=5))


@pytest.mark.parametrize(("tries", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (5000, 60)])
def test_pauses_grow_to_the_longest_and_are_drawn_from_their_upper_half(tries, seconds):
    whole = timedelta(seconds=seconds)
    assert pause_after(tries, CONF, chance=0.0) == whole / 2
    assert pause_after(tries, CONF, chance=1.0) == whole
    assert whole / 2 <= pause_after(tries, CONF) <= whole


def test_the_defaults_outlast_a_night_of_the_mail_server():
    conf = Conf()
    shortest = sum((pause_after(tries, conf, chance=0.0) for tries in range(1, conf.attempts)), timedelta())
    assert shortest > timedelta(hours=5)
