import time
from collections.abc import Iterator
from uuid import RFC_4122, UUID

import pytest

from sagas import identity

SAGA = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The time in milliseconds, which the test sets."""
    told = [1_700_000_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: told[0] * 1_000_000)
    yield told


def test_an_id_is_a_uuid_of_version_seven() -> None:
    for _ in range(100):
        found = identity.new_id()
        assert found.version == 7
        assert found.variant == RFC_4122


def test_an_id_begins_with_its_milliseconds(clock: list[int]) -> None:
    assert identity.new_id().int >> 80 == clock[0]


def test_ids_sort_by_the_time_they_were_made(clock: list[int]) -> None:
    made = []
    for _ in range(50):
        clock[0] += 1
        made.append(identity.new_id())
    assert made == sorted(made)
    assert [str(found) for found in made] == sorted(str(found) for found in made)


def test_ids_of_one_millisecond_differ(clock: list[int]) -> None:
    assert len({identity.new_id() for _ in range(5_000)}) == 5_000


def test_every_bit_that_is_left_to_chance_is_drawn(clock: list[int]) -> None:
    made = [identity.new_id().int for _ in range(300)]
    ones = zeros = 0
    for number in made:
        ones |= number
        zeros |= ~number
    of_chance = (1 << 12) - 1 << 64 | (1 << 62) - 1
    assert ones & zeros & (1 << 128) - 1 == of_chance


def test_the_clock_may_outlive_its_48_bits(clock: list[int]) -> None:
    clock[0] = (1 << 48) + 5
    assert identity.new_id().int >> 80 == 5


def test_an_action_keeps_its_key_over_a_generation() -> None:
    assert identity.action_key(SAGA, "charge", 0, 1) == f"{SAGA}:charge:0:1"
    keys = {identity.action_key(SAGA, *rest) for rest in [("a", 0, 1), ("b", 0, 1), ("a", 1, 1), ("a", 0, 2)]}
    assert len(keys) == 4


@pytest.mark.parametrize(("undo_round", "ending"), [(0, ":undo"), (1, ":undo"), (2, ":undo:2"), (3, ":undo:3")])
def test_a_compensation_has_a_key_of_its_own_and_a_new_one_for_what_came_late(undo_round: int, ending: str) -> None:
    action = identity.action_key(SAGA, "charge", 0, 1)
    assert identity.compensation_key(action, undo_round) == action + ending
