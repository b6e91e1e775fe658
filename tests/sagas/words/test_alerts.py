"""When people are told: a table of what is found, what was told before, and what is to be told."""

from datetime import UTC, datetime, timedelta

import pytest

from sagas.words.alerts import Episode, Policy, Trouble, What, to_tell

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy(cool_down=timedelta(hours=1), many=10, window=timedelta(minutes=5), old=timedelta(hours=4))


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


NEW = Trouble(count=1, since=ago(minutes=1))
GROWING = Trouble(count=12, since=ago(minutes=3), lately=10)
OLD = Trouble(count=1, since=ago(hours=5))
MUTED = Trouble(count=99, since=ago(hours=5), lately=99, is_muted=True)
OPEN = Episode(told=frozenset({"new"}), told_at=ago(minutes=2))
ALL_TOLD = Episode(told=frozenset({"new", "many", "old"}), told_at=ago(minutes=2))
JUST_OVER = Episode(told=frozenset({"new", "over"}), told_at=ago(minutes=30), over_at=ago(minutes=30))
LONG_OVER = Episode(told=frozenset({"new", "over"}), told_at=ago(hours=2), over_at=ago(hours=2))


@pytest.mark.parametrize(
    ("found", "before", "told"),
    [
        (NEW, None, [What.NEW]),
        (NEW, OPEN, []),
        (GROWING, OPEN, [What.MANY]),
        (GROWING, ALL_TOLD, []),
        (OLD, OPEN, [What.OLD]),
        (OLD, ALL_TOLD, []),
        (None, OPEN, [What.OVER]),
        (None, JUST_OVER, []),
        (None, None, []),
        (NEW, JUST_OVER, []),
        (NEW, LONG_OVER, [What.NEW]),
        (MUTED, None, []),
        (MUTED, OPEN, []),
        (GROWING, None, [What.NEW]),
    ],
)
def test_what_is_told(found, before, told):
    assert list(to_tell(found, before, NOW, POLICY)) == told
