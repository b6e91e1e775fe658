from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier as Gate
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F

from sagas.participant.barrier import ActionClosed, Passage, participant_barrier
from sagas.participant.models import Barrier
from tests.harness.waiting import wait_until

ACTION = "saga-1:charge:0:1"
UNDO = f"{ACTION}:undo"
UNDO_AGAIN = f"{ACTION}:undo:2"

pytestmark = pytest.mark.django_db(transaction=True)


class Account:
    """A participant's effect: what happened, in order, undone together with its transaction."""

    def __init__(self) -> None:
        self.effects: list[str] = []

    def act(self, key: str = ACTION, *, inside: Callable[[], Any] = lambda: None) -> Passage:
        with transaction.atomic(), participant_barrier(key, "action") as barrier:
            if barrier.first:
                barrier.keep({"done": key})
            inside()
        if barrier.first:
            self.effects.append("action")
        return barrier

    def undo(self, key: str = UNDO, *, of: str = ACTION, inside: Callable[[], Any] = lambda: None) -> Passage:
        with transaction.atomic(), participant_barrier(key, "compensation", action_key=of) as barrier:
            if barrier.first:
                barrier.keep({"undone": of})
            inside()
        if barrier.first:
            self.effects.append("compensation")
        return barrier


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def threads() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        yield lambda work: pool.submit(run, work)


class RefusedError(Exception):
    pass


def refuse() -> None:
    raise RefusedError


def test_an_action_happens_once_and_its_repetition_gets_the_same_answer(account: Account) -> None:
    account.act()
    repeated = account.act()
    assert account.effects == ["action"]
    assert repeated.answer == {"done": ACTION}


def test_another_generation_is_another_action(account: Account) -> None:
    account.act()
    account.act("saga-1:charge:0:2")
    assert account.effects == ["action", "action"]


def test_a_compensation_undoes_its_action_once_and_its_repetition_gets_the_same_answer(account: Account) -> None:
    account.act()
    account.undo()
    repeated = account.undo()
    assert account.effects == ["action", "compensation"]
    assert repeated.answer == {"undone": ACTION}


def test_a_compensation_of_an_action_that_never_happened_succeeds_and_does_nothing(account: Account) -> None:
    barrier = account.undo()
    assert account.effects == []
    assert barrier.answer is None


def test_an_action_that_comes_after_its_compensation_is_refused(account: Account) -> None:
    account.undo()
    with pytest.raises(ActionClosed, match="came after its compensation"):
        account.act()
    with pytest.raises(ActionClosed):
        account.act()
    assert account.effects == []


def test_a_repetition_of_an_action_that_was_undone_is_refused(account: Account) -> None:
    account.act()
    account.undo()
    with pytest.raises(ActionClosed):
        account.act()
    assert account.effects == ["action", "compensation"]


def test_a_second_compensation_finds_nothing_left_to_undo_and_gets_the_first_ones_answer(account: Account) -> None:
    account.act()
    account.undo()
    again = account.undo(UNDO_AGAIN)
    assert account.effects == ["action", "compensation"]
    assert again.answer == account.undo(UNDO_AGAIN).answer == {"undone": ACTION}


def test_a_second_compensation_undoes_what_the_first_one_failed_to(account: Account) -> None:
    account.act()
    with pytest.raises(RefusedError):
        account.undo(inside=refuse)
    account.undo(UNDO_AGAIN)
    assert account.effects == ["action", "compensation"]


def test_a_second_compensation_still_keeps_the_action_out(account: Account) -> None:
    account.undo()
    account.undo(UNDO_AGAIN)
    with pytest.raises(ActionClosed):
        account.act()


def test_undoing_one_generation_leaves_the_other_alone(account: Account) -> None:
    account.undo()
    account.act("saga-1:charge:0:2")
    assert account.effects == ["action"]


def test_a_refusal_is_not_remembered(account: Account) -> None:
    with pytest.raises(RefusedError):
        account.act(inside=refuse)
    account.act()
    assert account.effects == ["action"]


def test_a_view_that_catches_the_refusal_inside_its_transaction_does_not_commit_the_row() -> None:
    with transaction.atomic():
        try:
            with participant_barrier(ACTION, "action"):
                raise RefusedError
        except RefusedError:
            pass
    assert not Barrier.objects.exists()


def test_outside_a_transaction_it_says_what_to_do() -> None:
    with (
        pytest.raises(transaction.TransactionManagementError, match=r"inside transaction\.atomic"),
        participant_barrier(ACTION, "action"),
    ):
        pass


@pytest.mark.parametrize(
    ("key", "kind", "action_key", "sentence"),
    [
        ("", "action", None, "Idempotency-Key"),
        ("k" * 256, "action", None, "at most 255 characters"),
        (UNDO, "compensation", None, "Saga-Action-Key"),
        (ACTION, "compensation", ACTION, "a key of its own"),
        (ACTION, "undo", None, 'not as "undo"'),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_a_sentence(
    key: str, kind: Any, action_key: str | None, sentence: str
) -> None:
    with (
        pytest.raises(ValueError, match=sentence),
        transaction.atomic(),
        participant_barrier(key, kind, action_key=action_key),
    ):
        pass
    assert not Barrier.objects.exists()


def test_old_rows_can_be_found(account: Account) -> None:
    account.act()
    account.act("saga-2:charge:0:1")
    Barrier.objects.filter(key=ACTION).update(at=F("at") - timedelta(days=100))
    assert [row.key for row in Barrier.objects.older_than(timedelta(days=90))] == [ACTION]


def test_of_many_actions_under_one_key_at_the_same_time_one_happens(account: Account, threads: Any) -> None:
    gate = Gate(8)

    def work() -> Passage:
        gate.wait()
        return account.act()

    answers = [future.result().answer for future in [threads(work) for _ in range(8)]]
    assert account.effects == ["action"]
    assert answers == [{"done": ACTION}] * 8


def test_of_many_compensations_of_one_action_at_the_same_time_one_undoes_it(account: Account, threads: Any) -> None:
    account.act()
    gate = Gate(8)

    def work(number: int) -> Passage:
        gate.wait()
        return account.undo(f"{ACTION}:undo:{number % 4}")

    for future in [threads(lambda number=number: work(number)) for number in range(8)]:
        assert future.result().answer == {"undone": ACTION}
    assert account.effects == ["action", "compensation"]


def test_however_actions_and_compensations_are_mixed_nothing_is_left_behind(account: Account, threads: Any) -> None:
    gate = Gate(16)

    def act(key: str) -> None:
        gate.wait()
        try:
            account.act(key)
        except ActionClosed:
            account.effects.append("refused")

    def undo(key: str) -> None:
        gate.wait()
        account.undo(f"{key}:undo", of=key)

    for number in range(5):
        keys = [f"saga-{number}:charge:{item}:1" for item in range(8)]
        futures = [threads(lambda key=key: act(key)) for key in keys]
        futures += [threads(lambda key=key: undo(key)) for key in keys]
        for future in futures:
            future.result()
    assert account.effects.count("action") == account.effects.count("compensation")
    assert account.effects.count("action") + account.effects.count("refused") == 40


def test_a_compensation_waits_for_the_action_that_is_under_way_and_undoes_it(account: Account, threads: Any) -> None:
    inside, go = Event(), Event()
    action = threads(lambda: account.act(inside=lambda: (inside.set(), go.wait(120))))
    assert inside.wait(120)
    compensation = threads(account.undo)
    _until_somebody_waits()
    go.set()
    assert action.result().first
    assert compensation.result().first
    assert sorted(account.effects) == ["action", "compensation"]


def test_a_compensation_keeps_out_the_action_that_was_under_way_and_was_rolled_back(
    account: Account, threads: Any
) -> None:
    inside, go = Event(), Event()
    action = threads(lambda: account.act(inside=lambda: (inside.set(), go.wait(120), refuse())))
    assert inside.wait(120)
    compensation = threads(account.undo)
    _until_somebody_waits()
    go.set()
    assert isinstance(action.exception(), RefusedError)
    assert not compensation.result().first
    with pytest.raises(ActionClosed):
        account.act()
    assert account.effects == []


def test_a_repetition_waits_for_the_action_that_is_under_way_and_gets_its_answer(
    account: Account, threads: Any
) -> None:
    inside, go = Event(), Event()
    first = threads(lambda: account.act(inside=lambda: (inside.set(), go.wait(120))))
    assert inside.wait(120)
    repeated = threads(account.act)
    _until_somebody_waits()
    go.set()
    assert first.result().first
    assert (repeated.result().first, repeated.result().answer) == (False, {"done": ACTION})


def _until_somebody_waits() -> None:
    """On PostgreSQL: until another session waits for a lock. SQLite lets nobody in until the writer is done."""
    if connection.vendor != "postgresql":
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

    def somebody_waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            return bool(cursor.fetchone()[0])

    wait_until(somebody_waits, "somebody waits for a lock")
