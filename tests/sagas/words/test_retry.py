from datetime import timedelta

import pytest

from sagas.words.retry import LONGEST_RETRY_AFTER, PATIENT, Retry

SECOND = timedelta(seconds=1)
ALMOST = 1 - 1e-9


@pytest.mark.parametrize(
    ("tries", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (6, 32), (7, 60), (8, 60), (500, 60), (0, 1)]
)
def test_the_pause_is_drawn_below_a_ceiling_that_doubles_up_to_the_longest(tries: int, ceiling: int) -> None:
    policy = Retry(first=SECOND, longest=60 * SECOND)
    assert policy.delay(tries, chance=0.0) == timedelta(0)
    assert policy.delay(tries, chance=0.5) == ceiling * SECOND / 2
    assert abs(policy.delay(tries, chance=ALMOST) - ceiling * SECOND) < timedelta(milliseconds=1)


def test_the_draw_spreads_over_the_whole_range() -> None:
    drawn = [Retry(first=10 * SECOND).delay(1) for _ in range(400)]
    assert all(timedelta(0) <= pause < 10 * SECOND for pause in drawn)
    assert min(drawn) < 2 * SECOND
    assert max(drawn) > 8 * SECOND


@pytest.mark.parametrize(
    ("after", "pause"),
    [
        (None, 2 * SECOND),
        (timedelta(0), 2 * SECOND),
        (SECOND, 2 * SECOND),
        (7 * SECOND, 7 * SECOND),
        (timedelta(minutes=30), timedelta(minutes=30)),
        (timedelta(days=3), LONGEST_RETRY_AFTER),
        (timedelta(seconds=-9), 2 * SECOND),
    ],
)
def test_what_the_participant_asks_for_is_the_least_pause_up_to_an_hour(
    after: timedelta | None, pause: timedelta
) -> None:
    assert Retry(first=4 * SECOND).delay(1, after=after, chance=0.5) == pause


def test_a_factor_of_one_keeps_the_ceiling_where_it_is() -> None:
    policy = Retry(first=3 * SECOND, factor=1)
    assert {policy.delay(tries, chance=0.5) for tries in range(1, 20)} == {1.5 * SECOND}


def test_no_factor_is_too_large_for_the_pause() -> None:
    assert Retry(first=SECOND, longest=60 * SECOND, factor=1e9).delay(100, chance=0.5) == 30 * SECOND


@pytest.mark.parametrize(
    ("attempts", "tries", "spent"), [(3, 2, False), (3, 3, True), (3, 4, True), (1, 1, True), (None, 10**6, False)]
)
def test_a_budget_is_spent_by_its_last_try(attempts: int | None, tries: int, spent: bool) -> None:
    assert Retry(attempts=attempts).spent(tries) is spent


def test_the_way_back_is_more_patient_than_the_way_forward() -> None:
    assert (PATIENT.attempts, PATIENT.first, PATIENT.longest) == (20, 5 * SECOND, timedelta(minutes=10))
    assert Retry().attempts == 5
