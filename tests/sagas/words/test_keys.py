from uuid import UUID

import pytest

from sagas.words import keys

SAGA = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def test_an_action_keeps_its_key_over_a_generation() -> None:
    assert keys.action_key(SAGA, "charge", 0, 1) == f"{SAGA}:charge:0:1"
    found = {keys.action_key(SAGA, *rest) for rest in [("a", 0, 1), ("b", 0, 1), ("a", 1, 1), ("a", 0, 2)]}
    assert len(found) == 4


@pytest.mark.parametrize(("undo_round", "ending"), [(0, ":undo"), (1, ":undo"), (2, ":undo:2"), (3, ":undo:3")])
def test_a_compensation_has_a_key_of_its_own_and_a_new_one_for_what_came_late(undo_round: int, ending: str) -> None:
    action = keys.action_key(SAGA, "charge", 0, 1)
    assert keys.compensation_key(action, undo_round) == action + ending
