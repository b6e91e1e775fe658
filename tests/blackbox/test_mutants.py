"""The judge can fail: each product that breaks one promise is found, in a life that leads there."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import idempotency
from sagas import operations
from sagas.engine import sweep
from sagas.errors import NotAllowed
from sagas.models import Hold, Run, Saga, Signal
from sagas.models.saga import SagaQuerySet
from sagas.models.signal import SignalQuerySet
from sagas.operations import beginning, holding, previewing, repairing, signalling
from sagas.record import attempts, clock
from tests.blackbox.life import Life
from tests.blackbox.machine import Callers

pytestmark = pytest.mark.django_db(transaction=True)

Story = Callable[[Callers], None]
MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Story]] = {}


def mutant(story: Story) -> Callable[[Callable[[pytest.MonkeyPatch], None]], None]:
    """A product that breaks a promise, and the life in which that shows."""

    def keep(breaks: Callable[[pytest.MonkeyPatch], None]) -> None:
        MUTANTS[breaks.__name__] = breaks, story

    return keep


def begun(callers: Callers) -> Life:
    """A saga that waits for its first news."""
    life: Life = callers.start(key="", number=1)
    callers.deliver_all()
    return life


def told_twice(callers: Callers) -> None:
    life = begun(callers)
    callers.signal(life, letter="x", payload={"n": 1}, name="news")
    callers.signal(life, letter="y", payload={"n": 2}, name="news")
    callers.deliver_all()
    callers.promises_hold()


def repeated_signal(callers: Callers) -> None:
    life = begun(callers)
    callers.signal(life, letter="x", payload={"n": 1}, name="news")
    callers.signal(life, letter="x", payload={"n": 2}, name="news")


def another_body(callers: Callers) -> None:
    callers.start(key="a", number=1)
    callers.start(key="a", number=2)


def cancelled_after_its_end(callers: Callers) -> None:
    life = begun(callers)
    life.verb("cancel")
    callers.deliver_all()
    life.verb("cancel")


def cancelled(callers: Callers) -> None:
    life = begun(callers)
    life.verb("cancel")
    callers.promises_hold()


def rehearsed(callers: Callers) -> None:
    callers.rehearse(begun(callers), name="cancel")


def stale(callers: Callers) -> None:
    callers.from_a_stale_page(begun(callers), name="pause")


def counted(callers: Callers) -> None:
    begun(callers)
    callers.count(limit=1)


def paused(callers: Callers) -> None:
    life: Life = callers.start(key="", number=1)
    life.verb("pause")
    callers.deliver(place=0)


def undone(callers: Callers) -> None:
    life = begun(callers)
    life.verb("cancel")
    callers.deliver_all()
    callers.later(timedelta(hours=4))
    life.settle_accounts()


def replaced(callers: Callers) -> None:
    callers.start_by_key(key="k", on_duplicate="refuse")
    callers.deliver_all()
    callers.replace(key="k")


def told_by_key(callers: Callers) -> None:
    callers.signal_by_key(key="k", letter="x", payload={"n": 1}, begins=True)
    callers.signal_by_key(key="k", letter="y", payload={"n": 2}, begins=True)
    callers.promises_hold()


def moved(callers: Callers) -> None:
    callers.reschedule(begun(callers), step="news", by=timedelta(hours=5))


def held(callers: Callers) -> None:
    callers.start(key="", number=1)
    callers.hold(hours=None)
    callers.hold(hours=2)
    callers.deliver_all()
    callers.nobody_calls_who_is_held()


def sent_ahead(callers: Callers) -> None:
    lives = [callers.start(key="", number=1) for _ in range(2)]
    callers.hold(hours=None)
    callers.deliver_all()
    callers.send_ahead(lives[0])
    callers.deliver_all()
    callers.nobody_calls_who_is_held()


def released(callers: Callers) -> None:
    callers.start(key="", number=1)
    callers.hold(hours=None)
    callers.deliver_all()
    callers.release(rate=None)
    callers.calm_down()


@mutant(held)
def a_hold_is_not_heeded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts, "park", lambda t, run: False)


@mutant(held)
def a_participant_is_held_by_two(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hold, "is_in_force", lambda hold, now: False)


@mutant(sent_ahead)
def who_is_sent_ahead_takes_all_along(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hold, "lets_pass", lambda hold, saga_id: bool(hold.canaries))
    real = holding.canary

    def canary(*given: Any, **about: Any) -> Hold:
        found = real(*given, **about)
        Run.objects.filter(hold=found).update(hold=None, parked_at=None, at=clock.now())
        return found

    patch.setattr(holding, "canary", canary)


@mutant(released)
def what_waited_for_a_participant_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "let_go_all", lambda now, survive: None)


@mutant(replaced)
def who_is_replaced_goes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(beginning, "cancel", lambda saga_id, **about: Saga.objects.get(pk=saga_id))


@mutant(told_by_key)
def a_signal_by_key_is_answered_and_not_stored(patch: pytest.MonkeyPatch) -> None:
    real = operations.signal_by_key

    def signal(*given: Any, **about: Any) -> Any:
        told = real(*given, **about)
        told.signal.delete()
        return told

    patch.setattr(operations, "signal_by_key", signal)


@mutant(moved)
def a_clock_is_not_moved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repairing, "_move_clock", lambda t, run, at: t.move(run, "rescheduled"))


@mutant(another_body)
def the_fingerprint_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(idempotency, "_fingerprints", lambda place, body: ["the same"])


@mutant(cancelled_after_its_end)
def cancel_says_yes_after_the_end(patch: pytest.MonkeyPatch) -> None:
    real = operations.cancel

    def cancel(saga_id: Any, **about: Any) -> Saga:
        try:
            return real(saga_id, **about)
        except NotAllowed:
            return Saga.objects.get(pk=saga_id)

    patch.setattr(operations, "cancel", cancel)


@mutant(cancelled)
def cancel_says_yes_and_does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operations, "cancel", lambda saga_id, **about: Saga.objects.get(pk=saga_id))


@mutant(told_twice)
def a_signal_is_applied_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SignalQuerySet, "untaken", lambda self: self.filter(flag="").order_by("id"))


@mutant(told_twice)
def signals_are_taken_out_of_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signalling, "_wake", lambda t, table, name: False)
    patch.setattr(SignalQuerySet, "untaken", lambda self: self.filter(taken_by=None, flag="").order_by("-id"))
    real = signalling._store

    def store(t: Any, name: str, payload: Any, dedup_id: str) -> Any:
        found = real(t, name, payload, dedup_id)
        if Signal.objects.filter(saga_id=t.saga.pk).count() == 2:
            t.send(t.saga.pk, "look", t.saga.rev, {"verb": "look", "by": "a mutant"})
        return found

    patch.setattr(signalling, "_store", store)


@mutant(told_twice)
def a_signal_is_answered_and_not_stored(patch: pytest.MonkeyPatch) -> None:
    real = operations.signal

    def signal(*given: Any, **about: Any) -> Any:
        told = real(*given, **about)
        Signal.objects.all().delete()
        return told

    patch.setattr(operations, "signal", signal)


@mutant(repeated_signal)
def a_used_signal_id_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signalling, "json", SimpleNamespace(dumps=lambda value, **options: "the same"))


@mutant(rehearsed)
def a_dry_run_is_none(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(previewing, "roll_back", lambda: None)


@mutant(stale)
def a_stale_page_is_believed(patch: pytest.MonkeyPatch) -> None:
    real = operations.pause
    patch.setattr(operations, "pause", lambda saga_id, **about: real(saga_id, **{**about, "expect": None}))


@mutant(counted)
def the_lists_do_not_add_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SagaQuerySet, "needing_a_person", lambda self: self)


@mutant(paused)
def a_pause_is_not_heeded(patch: pytest.MonkeyPatch) -> None:
    real = operations.pause

    def pause(saga_id: Any, **about: Any) -> Saga:
        found = real(saga_id, **about)
        Saga.objects.filter(pk=saga_id).update(paused_at=None)
        return found

    patch.setattr(operations, "pause", pause)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_promise_is_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    breaks, story = MUTANTS[name]
    breaks(monkeypatch)
    callers = Callers()
    try:
        with pytest.raises(AssertionError, match=r"(?s).+POST /api/v1/sagas/"):
            story(callers)
    finally:
        callers.site.close()


@pytest.mark.parametrize(
    "story", sorted({story for _, story in MUTANTS.values()} | {undone}, key=lambda story: story.__name__)
)
def test_the_product_breaks_no_promise_there(story: Story) -> None:
    callers = Callers()
    try:
        story(callers)
    finally:
        callers.site.close()
