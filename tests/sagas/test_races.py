"""Two commits at the same moment, again and again: one wins, the answer says which, and nothing is lost or done twice.

Each race is run RACE_ROUNDS times on real connections; between rounds one of the racers gets a random start.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest
from django.db import connection

from sagas import approval, child, operations, saga, step, wait
from sagas.engine.sweep import sweep
from sagas.errors import Abort, NotAllowed
from sagas.models import Audit, Incident, Journal, Run, Saga, Signal, Work
from sagas.words.definition import Definition
from tests.sagas.world import World, run_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

ROUNDS = int(os.environ.get("RACE_ROUNDS", "24"))
BEHIND = 5
"""A racer begins so many short statements late at most: where they meet differs from round to round."""

Race = Callable[..., list[Any]]


@pytest.fixture
def race() -> Iterator[Race]:
    with racers(4) as run:
        yield run


@contextmanager
def racers(number: int) -> Iterator[Race]:
    """Threads that wait for acts, and begin them together; what each act returned or raised, in their order."""
    inboxes = [SimpleQueue[Any]() for _ in range(number)]
    done = SimpleQueue[Any]()
    threads = [threading.Thread(target=_racer, args=(inbox, done), daemon=True) for inbox in inboxes]
    for thread in threads:
        thread.start()

    def run(*acts: Callable[[], Any], behind: int = BEHIND) -> list[Any]:
        together, results = threading.Barrier(len(acts)), [None] * len(acts)
        for place, (inbox, act) in enumerate(zip(inboxes, acts, strict=False)):
            inbox.put((place, together, random.randrange(behind), act))
        for _ in acts:
            place, result = done.get(timeout=120)
            results[place] = result
        return results

    yield run
    for inbox in inboxes:
        inbox.put(None)
    for thread in threads:
        thread.join(120)


def _racer(inbox: SimpleQueue[Any], done: SimpleQueue[Any]) -> None:
    while (task := inbox.get()) is not None:
        place, together, behind, act = task
        together.wait()
        try:
            with connection.cursor() as cursor:
                for _ in range(behind):
                    cursor.execute("SELECT 1")
            result = act()
        except Exception as error:
            result = error
        done.put((place, result))
    connection.close()


def waiting(world: World, **options: Any) -> Definition:
    return saga(
        "order",
        step(world.charge, compensation=world.refund),
        wait("settled", **{"timeout": timedelta(minutes=5), **options}),
        step(world.ship, reads_only=True),
    )


def rounds(seen: set[Any]) -> Iterator[int]:
    """The numbers of the rounds: as many as it takes until two different endings were seen, or it is no race."""
    for number in range(ROUNDS * 20):
        if number >= ROUNDS and len(seen) > 1:
            return
        yield number
    raise AssertionError(f"Only {seen} was seen in {ROUNDS * 20} rounds.")


def refused(result: Any) -> str:
    """Why a verb was refused, "" when it was not; anything else that was raised is a fault."""
    if isinstance(result, NotAllowed):
        return result.code
    if isinstance(result, Exception):
        raise result
    return ""


def finished(world: World, found: Saga) -> Saga:
    world.work()
    found.refresh_from_db()
    assert found.ended_at, (found.state, list(found.runs.values("path", "state", "work", "undo")))
    return found


def revision(found: Saga, **wanted: Any) -> int:
    """The revision at which that move was made."""
    rows = Journal.objects.filter(saga=found).order_by("rev")
    return next(row.rev for row in rows for move in row.moves if wanted.items() <= move.items())


def times(world: World, found: Saga, name: str) -> int:
    return sum(1 for called, key in world.calls if called == name and str(found.pk) in key)


def test_a_signal_that_meets_the_parking_of_its_wait_is_taken_once_and_the_answer_says_whether_it_was_taken_at_once(
    world: World, race: Race
) -> None:
    world.knows(table := waiting(world))
    answers = set()
    for number in rounds(answers):
        found = world.start(table)
        held = world.attempt(found, "charge")
        told, _ = race(
            partial(operations.signal, found.pk, "settled", {"n": number}, actor="bank"),
            partial(world.record, held),
        )
        assert refused(told) == ""
        parked = revision(found, step="settled", did="waits")
        assert told.taken == (revision(found, signal="settled", did="stored") > parked)
        assert finished(world, found).state == "completed"
        assert run_of(found, "settled").result == {"n": number}
        assert Signal.objects.get(saga=found).taken_by == run_of(found, "settled")
        assert times(world, found, "ship") == 1
        answers.add(told.taken)


def test_a_signal_that_meets_its_timeout_has_won_or_lost_and_the_answer_says_which(world: World, race: Race) -> None:
    world.knows(table := waiting(world))
    ends = set()
    for _ in rounds(ends):
        found = world.start(table)
        world.work()
        world.later(timedelta(minutes=6))
        pay = partial(operations.signal, found.pk, "settled", {}, actor="bank")
        told, swept = race(pay, sweep, behind=60)
        assert swept is True
        assert refused(told) in ("", "ended")
        state = finished(world, found).state
        ends.add(state)
        assert (state == "completed") == (not refused(told) and told.taken)
        assert run_of(found, "settled").state == ("succeeded" if state == "completed" else "timed_out")
        assert (times(world, found, "ship"), times(world, found, "refund")) == (
            (1, 0) if state == "completed" else (0, 1)
        )
        assert Signal.objects.filter(saga=found).count() == 1


def test_a_signal_that_meets_a_cancel_is_kept_and_the_saga_ends_once_as_the_answers_say(
    world: World, race: Race
) -> None:
    world.knows(table := waiting(world))
    for _ in range(ROUNDS):
        found = world.start(table)
        world.work()

        def pay(found: Saga = found) -> Any:
            told = operations.signal(found.pk, "settled", {}, actor="bank")
            world.work(found)
            return told

        told, cancelled = race(pay, partial(operations.cancel, found.pk, actor="ann", reason="changed her mind"))
        assert refused(told) in ("", "ended")
        assert refused(cancelled) in ("", "ended")
        state = finished(world, found).state
        assert state == ("completed" if refused(cancelled) else "cancelled")
        assert times(world, found, "charge") == 1
        assert times(world, found, "refund") == (state == "cancelled")
        assert times(world, found, "ship") <= 1
        assert Signal.objects.filter(saga=found).count() == 1


def test_signal_timeout_and_cancel_at_once_have_one_winner(world: World, race: Race) -> None:
    world.knows(table := waiting(world))
    for _ in range(ROUNDS):
        found = world.start(table)
        world.work()
        world.later(timedelta(minutes=6))
        told, cancelled, _ = race(
            partial(operations.signal, found.pk, "settled", {}, actor="bank"),
            partial(operations.cancel, found.pk, actor="ann", reason="changed her mind"),
            sweep,
        )
        assert refused(told) in ("", "ended")
        assert refused(cancelled) == ""
        state, cause = finished(world, found).state, found.cause
        assert (state, cause) in (("cancelled", "cancelled"), ("compensated", "failed_step"))
        assert (times(world, found, "charge"), times(world, found, "refund"), times(world, found, "ship")) == (1, 1, 0)
        turns = [m for row in Journal.objects.filter(saga=found) for m in row.moves if m.get("saga") == "compensating"]
        assert len(turns) == 1


def test_two_signals_with_one_id_at_once_are_one_signal(world: World, race: Race) -> None:
    world.knows(table := waiting(world))
    for _ in range(ROUNDS // 2):
        found = world.start(table)
        world.work()
        pays = [partial(operations.signal, found.pk, "settled", {}, actor="bank", id="p-1")] * 2
        told = race(*pays)
        assert [refused(answer) for answer in told] == ["", ""]
        assert sorted(answer.replayed for answer in told) == [False, True]
        assert all(answer.taken for answer in told)
        assert Signal.objects.filter(saga=found).count() == 1
        assert finished(world, found).state == "completed"


def test_cancel_and_completion_at_once_have_one_winner_and_the_answer_says_which(world: World, race: Race) -> None:
    world.knows(
        table := saga(
            "linear", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund)
        )
    )
    ends = set()
    for _ in rounds(ends):
        found = world.start(table)
        world.record(world.attempt(found, "lock"))
        held = world.attempt(found, "charge")
        _, answer = race(
            partial(world.record, held),
            partial(operations.cancel, found.pk, actor="ann", reason="race"),
        )
        assert refused(answer) in ("", "ended")
        state = finished(world, found).state
        assert state == ("completed" if refused(answer) else "cancelled")
        undone = [name for name, key in world.calls if str(found.pk) in key]
        assert undone == ([] if state == "completed" else ["refund", "release"])
        assert Audit.objects.filter(saga=found).count() == (state == "cancelled")
        ends.add(state)


def stuck_forward(world: World) -> Definition:
    return saga("held", step(world.charge, idempotent=False, compensation=world.refund))


def stuck_backward(world: World) -> Definition:
    return saga("held", step(world.charge, compensation=world.refund), step(world.ship, reads_only=True))


def test_of_two_people_who_retry_at_once_one_does(world: World, race: Race) -> None:
    world.knows(table := stuck_forward(world))
    for _ in range(ROUNDS // 2):
        world.script("charge", Exception("lost"))
        found = world.start(table)
        world.work()
        answers = race(*[partial(operations.retry, found.pk, actor="ann", reason="again")] * 2)
        assert sorted(map(refused, answers)) == ["", "nothing_to_retry"]
        assert Audit.objects.filter(saga=found).count() == 1
        assert finished(world, found).state == "completed"
        assert times(world, found, "charge") == 2


def test_of_two_people_who_decide_from_the_same_page_at_once_one_does(world: World, race: Race) -> None:
    world.knows(table := stuck_forward(world))
    winners = set()
    for _ in rounds(winners):
        world.script("charge", Exception("lost"))
        found = world.start(table)
        world.work()
        found.refresh_from_db()
        page = {"step": "charge", "expect": found.decisions}
        answers = race(
            partial(operations.skip, found.pk, actor="ann", reason="not needed", **page),
            partial(operations.resolve, found.pk, actor="bob", reason="in their books", landed=False, **page),
        )
        codes = list(map(refused, answers))
        assert sorted(codes) == ["", "stale_page"]
        assert Audit.objects.get(saga=found).verb == ("skip" if codes[0] == "" else "resolve")
        winners.add(codes[0] == "")


def test_of_a_yes_and_a_no_at_once_one_counts_and_the_other_is_told_whose(world: World, race: Race) -> None:
    world.knows(table := saga("large", approval("large"), step(world.ship, reads_only=True)))
    for _ in range(ROUNDS // 2):
        found = world.start(table)
        yes, no = race(
            *(
                partial(operations.decide, found.pk, step="large", approved=said, actor=by, reason="so be it")
                for said, by in ((True, "ann"), (False, "bob"))
            )
        )
        codes = [refused(yes), refused(no)]
        assert sorted(codes) == ["", "decided"]
        assert ("ann said yes" in str(no)) if codes[1] else ("bob said no" in str(yes))
        assert finished(world, found).state == ("completed" if codes[1] else "compensated")


def test_of_a_waive_and_a_retry_at_once_one_does(world: World, race: Race) -> None:
    world.knows(table := stuck_backward(world))
    for _ in range(ROUNDS // 2):
        world.script("ship", Abort("no"))
        world.script("refund", Abort("cannot"))
        found = world.start(table)
        world.work()
        waived, retried = race(
            partial(operations.waive, found.pk, step="charge", actor="ann", reason="wired it"),
            partial(operations.retry, found.pk, actor="bob", reason="they are back"),
        )
        codes = [refused(waived), refused(retried)]
        assert sorted(map(bool, codes)) == [False, True]
        assert set(codes) <= {"", "not_stuck", "ended"}
        assert finished(world, found).state == "compensated"
        assert times(world, found, "refund") == (1 if codes[1] else 2)
        assert Audit.objects.filter(saga=found).count() == 1
        assert not Incident.objects.open().filter(saga=found).exists()


@pytest.mark.parametrize("on_duplicate", ["queue", "replace", "return"])
def test_starts_that_meet_the_end_of_the_holder_of_their_key_make_no_second_holder_and_none_is_forgotten(
    world: World, race: Race, on_duplicate: str
) -> None:
    world.knows(table := saga("keyed", step(world.charge, compensation=world.refund)))
    for number in range(ROUNDS // 2):
        key = {"business_key": f"A-{number}", "on_duplicate": on_duplicate}
        first = world.start(table, business_key=key["business_key"])
        held = world.attempt(first, "charge")
        begin = [partial(operations.start, "keyed", actor="ann", **key)] * 2
        _, *answers = race(partial(world.record, held), *begin)
        for answer in answers:
            assert refused(answer) in ("", "at_the_pivot")
            finished(world, answer.saga)
        finished(world, first)
        mine = Saga.objects.filter(business_key=key["business_key"])
        assert mine.filter(ended_at=None).count() == 0
        assert mine.count() == 1 + sum(answer.created for answer in answers)
        if on_duplicate == "queue":
            assert set(mine.values_list("state", flat=True)) == {"completed"}
        assert times(world, first, "refund") == (first.state == "cancelled")


def test_a_reopened_saga_and_a_new_one_at_once_do_not_both_hold_the_key(world: World, race: Race) -> None:
    world.knows(table := stuck_forward(world))
    for number in range(ROUNDS // 2):
        world.script("charge", Exception("lost"))
        found = world.start(table, business_key=f"B-{number}")
        world.work()
        operations.give_up(found.pk, actor="ann", reason="no")
        reopened, begun = race(
            partial(operations.retry, found.pk, actor="ann", reason="again"),
            partial(operations.start, "held", actor="bob", business_key=f"B-{number}"),
        )
        assert refused(reopened) in ("", "key_taken")
        assert refused(begun) == ""
        assert begun.created == bool(refused(reopened))
        assert begun.created or begun.saga.pk == found.pk
        world.work()


def test_signals_by_key_with_start_at_once_begin_one_saga_that_has_them_both(world: World, race: Race) -> None:
    table = saga("paid", wait("paid"), wait("paid", name="paid_again"))
    world.knows(table)
    for number in range(ROUNDS // 2):
        pays = [
            partial(
                operations.signal_by_key,
                "paid",
                f"C-{number}",
                "paid",
                half,
                actor="bank",
                start_if_missing={"input": {}},
            )
            for half in (1, 2)
        ]
        told = race(*pays)
        assert [refused(answer) for answer in told] == ["", ""]
        found = Saga.objects.get(business_key=f"C-{number}")
        assert finished(world, found).state == "completed"
        results = [run_of(found, path).result for path in ("paid", "paid_again")]
        assert sorted(results) == [1, 2]


def test_a_childs_end_that_meets_the_cancel_of_its_parent_leaves_no_effect(world: World, race: Race) -> None:
    inner = saga("shipping", step(world.book, compensation=world.unbook))
    outer = saga("order", step(world.charge, compensation=world.refund), child(inner))
    world.knows(inner, outer)
    ends = set()
    for _ in rounds(ends):
        found = world.start(outer)
        world.work(found)
        born = Saga.objects.get(parent__saga=found)
        held = world.attempt(born, "book")

        def end(held: Any = held) -> None:
            world.record(held)
            world.work()

        def turn(found: Saga = found) -> Any:
            answer = operations.cancel(found.pk, actor="ann", reason="race")
            world.work()
            return answer

        _, answer = race(end, turn, behind=200)
        assert refused(answer) in ("", "ended")
        finished(world, found)
        finished(world, born)
        assert found.state == ("completed" if refused(answer) else "cancelled")
        assert times(world, found, "refund") == times(world, born, "unbook") == (not refused(answer))
        assert not Run.objects.filter(saga__in=[found, born], work__isnull=False).exists()
        ends.add((found.state, born.state))


def test_a_pause_that_meets_a_claim_lets_nothing_begin_after_it(world: World, race: Race) -> None:
    world.knows(table := saga("linear", step(world.charge, compensation=world.refund)))
    begun = set()
    for _ in rounds(begun):
        found = world.start(table)
        paused, _ = race(
            partial(operations.pause, found.pk, actor="ann", reason="look"),
            partial(world.deliver, run_of(found, "charge")),
        )
        assert refused(paused) in ("", "ended")
        if not refused(paused):
            at = revision(found, did="paused")
            claims = [
                row.rev for row in Journal.objects.filter(saga=found) for m in row.moves if m.get("did") == "claimed"
            ]
            assert all(rev < at for rev in claims)
            found.refresh_from_db()
            begun.add(bool(claims))
            if not found.ended_at:
                operations.resume(found.pk, actor="ann", reason="go on")
        assert finished(world, found).state == "completed"
        assert times(world, found, "charge") == 1
    assert Work.RUNNING not in Run.objects.values_list("work", flat=True)
