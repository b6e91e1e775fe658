"""What the coordinator does by itself, and what callers and people have it do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.growth import patterns
from benchmarks.growth.act import Act, must
from benchmarks.growth.figures import INSERT, WITH_KEY
from benchmarks.growth.patterns import ACTOR, WORKER
from benchmarks.growth.sagas import basket, order, signup
from gateway import idempotency
from gateway.callers import Caller
from gateway.doorbell import Rank
from gateway.ids import uuid7
from sagas import operations
from sagas.engine import dispatch, door, retention
from sagas.engine.delivery import deliver
from sagas.engine.sweep import sweep
from sagas.models import Run, Saga, Sweep, Work, Worker
from sagas.record import attempts, clock
from sagas.record.birth import Newborn, bear, conceive

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALLER = Caller(name="service")
PERSON: dict[str, Any] = {"actor": "person:ann", "reason": "The customer called."}


def _orders(**input: bool) -> Callable[[int], list[Saga]]:
    return lambda number: [patterns.start(order.name, **input) for _ in range(number)]


def _baskets(number: int) -> list[Saga]:
    return [patterns.start(basket.name) for _ in range(number)]


def _signups(number: int) -> list[Saga]:
    return [patterns.start(signup.name) for _ in range(number)]


def _waiting(number: int) -> list[Saga]:
    return [patterns.waiting() for _ in range(number)]


def _stuck(number: int) -> list[Saga]:
    return [patterns.stuck() for _ in range(number)]


def _keyed(number: int) -> list[Saga]:
    keys = (f"act-{uuid7()}" for _ in range(number))
    return [operations.start(order.name, {"order": 1}, actor=ACTOR, business_key=key).saga for key in keys]


def _start(_: object) -> None:
    operations.start(order.name, {"order": 1}, actor=ACTOR, business_key=f"act-{uuid7()}")


def _newborns(number: int) -> list[Newborn]:
    """Sagas as a start has them in hand, before anything is stored."""
    about = {"definition": order.name, "version": order.version, "fingerprint": order.fingerprint}
    keys = (f"act-{uuid7()}" for _ in range(number))
    return [conceive(Saga(**about, input={"order": 1}, business_key=key), order, ACTOR) for key in keys]


def _insert(newborn: Newborn) -> None:
    must(all(bear([newborn])), "it is stored")


def _insert_with_key(newborn: Newborn) -> None:
    key = f"act-{newborn.saga.pk}"
    likely = idempotency.Answer(201, {"id": str(newborn.saga.pk)})
    with idempotency.remembered(CALLER, "sagas.start", key, None, likely=likely) as memory:
        _insert(newborn)
        memory.keep(likely.status, likely.body)


def _deliver(saga: Saga) -> None:
    due = Run.objects.get(saga=saga, work=Work.DUE)
    must(deliver(due.pk, due.fence, WORKER), "the saga is there to be run")


def _start_again(saga: Saga) -> None:
    found = operations.start(order.name, {"order": 1}, actor=ACTOR, business_key=saga.business_key)
    must(not found.created, "the open saga is returned")


def _queue_up(saga: Saga) -> None:
    """Another waits for the key, and begins when its holder has ended."""
    key: dict[str, Any] = {"actor": ACTOR, "business_key": saga.business_key}
    heir = operations.start(order.name, {"order": 1}, on_duplicate="queue", **key).saga
    patterns.run(saga)
    patterns.run(heir)


def _signal(saga: Saga) -> None:
    told = operations.signal(saga.pk, "email_confirmed", {"by": "ann@example.org"}, actor=ACTOR)
    must(told.taken, "the signal was waited for")


def _signal_by_key(saga: Saga) -> None:
    operations.signal_by_key(order.name, saga.business_key or "", "hello", None, actor=ACTOR)


def _cancel(saga: Saga) -> None:
    operations.cancel(saga.pk, **PERSON)
    patterns.run(saga)


def _halt(saga: Saga) -> None:
    operations.pause(saga.pk, **PERSON)
    operations.resume(saga.pk, **PERSON)


def _retry(saga: Saga) -> None:
    operations.retry(saga.pk, **PERSON)
    patterns.run(saga)


def _give_up(saga: Saga) -> None:
    operations.give_up(saga.pk, **PERSON)
    operations.clone(saga.pk, confirm_effects=True, **PERSON)


# The sweep, and the other looks at everything


def _sweep(_: object) -> None:
    Sweep.objects.all().delete()
    must(sweep(), "nobody else sweeps")


def _sweep_later(_: object) -> None:
    with clock.ahead(HOUR):
        _sweep(None)
        must(not Run.objects.timed_out(clock.now()).exists(), "the sweep fires what is over")


def _over_soon(each: int) -> Callable[[int], list[None]]:
    """So many waits for each sweep, over when it comes."""

    def prepare(number: int) -> list[None]:
        for _ in range(number * each):
            Run.objects.filter(saga=patterns.waiting(), work=Work.WAITING).update(at=clock.now() + HOUR / 2)
        return [None] * number

    return prepare


def _abandoned(number: int) -> list[None]:
    """An attempt whose worker is gone, one whose lease will be over, and one that is due and was never told of."""
    now = clock.now()
    gone = Worker.objects.create(name="gone", started_at=now, beat_at=now, gone_at=now)
    for worker in (gone.pk, WORKER):
        due = Run.objects.get(saga=patterns.start(order.name), work=Work.DUE)
        must(attempts.claim(due.pk, due.fence, worker), "what is due can be claimed")
    patterns.start(order.name)
    return [None] * number


def _due(each: int) -> Callable[[int], list[None]]:
    def prepare(number: int) -> list[None]:
        _orders()(each)
        return [None] * number

    return prepare


def _look(_: object) -> None:
    must(door.waiting(["sagas"], timedelta(0), 100), "something is due")


def _overtake(_: object) -> None:
    """What a worker asks of a broker without ranks' database before each step."""
    door.waiting(["sagas"], timedelta(0), 100, before=Rank.NORMAL)


def _prune(_: object) -> None:
    next(retention.prune(clock.now() - 30 * DAY, most=10), None)


def _find_dead(_: object) -> None:
    list(Saga.objects.dead(clock.now()).order_by("id").values_list("pk", flat=True)[:4])


def nothing_is_due() -> None:
    """Run to its end what acts have left due, so that it is no part of the next one's sweep."""
    with clock.ahead(2 * HOUR), dispatch.silenced():
        for run in Run.objects.due(clock.now()).select_related("saga"):
            patterns.run(run.saga)


def silently(act: Act) -> Act:
    """The same without a broker: nobody is rung for."""

    def do(subject: object) -> None:
        with dispatch.silenced():
            act.do(subject)

    def prepare(number: int) -> list[object]:
        with dispatch.silenced():
            return list(act.prepare(number))

    return Act(name=act.name, do=do, prepare=prepare, timed=act.timed, rate=act.rate)


def engine(at_once: int = 100) -> list[Act]:
    """All of them, in the order in which they are told; with so many waits over, or steps due, at once."""
    acts = (
        Act(name="steps", do=_deliver, prepare=_orders(), timed=100, rate=5),
        Act(name="steps and compensations", do=_deliver, prepare=_orders(refused=True), timed=50, rate=7),
        Act(name="steps side by side", do=patterns.run, prepare=_baskets, timed=20, rate=13),
        Act(name="a step, and a wait opens", do=_deliver, prepare=_signups, timed=50),
        Act(name=INSERT, do=_insert, prepare=_newborns, timed=200),
        Act(name=WITH_KEY, do=_insert_with_key, prepare=_newborns, timed=200),
        Act(name="start", do=_start, timed=200),
        Act(name="signal", do=_signal, prepare=_waiting, timed=100),
        Act(name="sweep, nothing due", do=_sweep, timed=10),
        Act(name=f"sweep, {at_once} waits over", do=_sweep_later, prepare=_over_soon(at_once), timed=1, rate=at_once),
        Act(name="sweep after a worker's death", do=_sweep_later, prepare=_abandoned),
        Act(name=f"look at the door, {at_once} due", do=_look, prepare=_due(at_once), timed=10),
        Act(name="what comes first", do=_overtake, prepare=_due(at_once)),
        Act(name="prune", do=_prune),
        Act(name="liveness", do=_find_dead, timed=5),
        Act(name="start under a key that is held", do=_start_again, prepare=_keyed),
        Act(name="queue up for a key", do=_queue_up, prepare=_keyed),
        Act(name="signal by key", do=_signal_by_key, prepare=_keyed),
        Act(name="cancel", do=_cancel, prepare=_waiting),
        Act(name="pause and resume", do=_halt, prepare=_waiting),
        Act(name="retry", do=_retry, prepare=_stuck),
        Act(name="give up and clone", do=_give_up, prepare=_stuck),
    )
    return [silently(act) for act in acts]
