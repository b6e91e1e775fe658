"""Every transaction that writes ends at a named boundary, so a new one cannot hide from those who explore crashes.

The database is asked what it committed, and the boundaries are held against that.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from gateway.ids import uuid7
from sagas import Abort, Retry, approval, child, each, operations, parallel, saga, sleep, step, wait
from sagas.engine import delivery, retention
from sagas.engine.dispatch import silenced
from sagas.engine.workers import Here, outlive_all
from sagas.errors import NotAllowed
from sagas.models import Run, Saga, Sweep, Worker
from sagas.record import attempts, clock
from sagas.words import boundaries, registry
from tests.crashes.commits import Log, commit_log
from tests.harness.chance import a_seed
from tests.sagas.test_storms import Storm, leave_nothing
from tests.sagas.world import World, a_world

pytestmark = pytest.mark.django_db(transaction=True)

STORMS = 4
OTHERS = {
    "engine/local.py": "a savepoint within the transaction that records the step",
    "operations/retrying.py": "a savepoint within the verb's transaction",
    "record/postgres/changes.py": "a savepoint within the caller's transaction",
    "engine/callbacks.py": "the end of a saga is told: that is no move of it, and what was lost is told again",
    "operations/bulk.py": "an operation's own rows: each saga is moved by a verb",
    "engine/alerting.py": "an alert's own rows: no saga is moved, and `noted` stands after it",
    "operations/posting.py": "rows of the outbox and the inbox: no saga is moved by them",
    "operations/second.py": "a proposal's own rows, and the caller's transaction around the verb that was approved",
    "operations/working.py": "the caller's transaction around a verb, which is a caller like any other",
}
"""Files that open transactions themselves, and why no boundary stands after those."""
AS = {"actor": "ann", "reason": "because"}


class Books:
    """At each boundary that stands after a commit there is one commit since the last."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.fired: Counter[str] = Counter()
        self.wrong: list[str] = []

    def __call__(self, name: str) -> None:
        assert name in boundaries.ALL, f"{name} is not among the names of boundaries"
        self.fired[name] += 1
        if name in boundaries.COMMITS:
            found = self._log.news()
            if len(found) != 1:
                self.wrong.append(f"{name} stands after {len(found)} commits: {found}")

    def close(self) -> None:
        if left := self._log.news():
            self.wrong.append(f"{len(left)} commits have no boundary: {left}")
        assert not self.wrong, "\n".join(self.wrong)

    def not_ours(self) -> None:
        """What the test itself wrote just now does not count."""
        self._log.news()


@pytest.fixture
def books() -> Iterator[Books]:
    with silenced(), commit_log() as log:
        found = Books(log)
        with boundaries.watched(found):
            yield found
        found.close()


def through(world: World, found: Saga) -> Saga:
    return world.run_through(found)


def forward_and_back(world: World) -> None:
    """Claims and records, retries, a turn, compensations; several at once; items; a step of our own database."""
    tables = [
        saga("linear", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund)),
        saga("side", parallel(step(world.lock, compensation=world.release), step(world.ship, reads_only=True))),
        saga("lines", each("lines", step(world.pack, compensation=world.unpack), items=lambda ctx: [1, 2, 3])),
        saga("here", step(world.note, compensation=world.forget, local=True), step(world.ship, reads_only=True)),
        saga(
            "chosen",
            step(world.lock, when=lambda ctx: True, compensation=world.release),
            step(world.ship, reads_only=True),
        ),
    ]
    world.knows(*tables)
    for table in tables:
        for last in (None, Exception("lost"), Abort("no")):
            world.script(table.steps[-1].name, *([last] if last else []))
            through(world, world.start(table))


def take_over(world: World) -> None:
    """A worker dies, one falls silent, one speaks late; a lost message; a heartbeat within a step."""
    beating = step(lambda ctx: ctx.heartbeat({"n": 1}), name="beating", heartbeat=timedelta(seconds=5), reads_only=True)
    table = saga("two", step(world.lock, compensation=world.release), beating)
    found = world.start(table)
    held = world.attempt(found, "lock")
    world.lose(held)
    world.record(held)
    world.claim(Run.objects.get(saga=found, path="lock"))
    world.sweep_later(timedelta(minutes=1))
    world.sweep_later(timedelta(minutes=1))
    through(world, found)


def clocks(world: World) -> None:
    """Waits, sleeps, approvals and deadlines whose time comes."""
    table = saga(
        "patient",
        step(world.lock, compensation=world.release),
        sleep(timedelta(hours=1), name="night"),
        wait("paid", timeout=timedelta(hours=1), on_timeout="continue"),
        approval("sure", timeout=timedelta(days=3)),
        deadline=timedelta(days=1),
    )
    found = world.start(table)
    for _ in range(3):
        world.work()
        world.sweep_later(timedelta(hours=2))
    world.sweep_later(timedelta(days=2))
    through(world, found)


def people(world: World) -> None:
    """Every verb, and what is refused."""
    table = saga(
        "asked",
        step(world.lock, compensation=world.release, on_failure="incident"),
        approval("sure"),
        step(world.charge, compensation=world.refund, retry=Retry(attempts=1), on_exhausted="suspend"),
        deadline=timedelta(days=1),
    )
    world.knows(table)

    def to_the_charge(*does: Any) -> Saga:
        world.script("charge", *does)
        found = world.start(table)
        world.work()
        operations.decide(found.pk, step="sure", approved=True, **AS)
        world.work()
        return found

    found = to_the_charge(Exception("lost"))
    operations.preview("retry", found.pk, **AS)
    operations.pause(found.pk, **AS)
    operations.resume(found.pk, **AS)
    operations.reschedule(found.pk, at=clock.now() + timedelta(days=2), **AS)
    operations.resolve(found.pk, step="charge", landed=False, **AS)
    operations.retry(found.pk, input={"n": 1}, **AS)
    through(world, found)
    operations.clone(found.pk, confirm_effects=True, **AS)
    operations.skip(to_the_charge(Exception("lost")).pk, step="charge", **AS)
    given_up = to_the_charge(Exception("lost"))
    operations.give_up(given_up.pk, **AS)
    operations.retry(given_up.pk, **AS)
    world.script("refund", Abort("cannot"))
    operations.compensate(given_up.pk, **AS)
    world.work()
    operations.waive(given_up.pk, step="charge", **AS)
    found = world.start(table)
    operations.cancel(found.pk, **AS)
    through(world, found)
    with pytest.raises(NotAllowed):
        operations.cancel(found.pk, **AS)


def starts_and_signals(world: World) -> None:
    """One, many, in line for a key, in another's place; signals early, twice, late, by key."""
    table = saga("paid", wait("paid"), step(world.ship, reads_only=True))
    world.knows(table)
    first = world.start(table, business_key="A")
    for how in ("return", "queue", "replace"):
        operations.start("paid", actor="ann", business_key="A", on_duplicate=how)
    world.work()
    world.start(table, start_at=clock.now() + timedelta(hours=1))
    operations.start_many("paid", [None] * 3, actor="ann")
    for _ in range(2):
        operations.signal_by_key("paid", "B", "paid", {}, actor="bank", id="p-1", start_if_missing={"input": None})
    operations.signal(operations.start("paid", actor="ann").saga.pk, "other", {}, actor="bank")
    world.work()
    with pytest.raises(NotAllowed):
        operations.signal(first.pk, "paid", {}, actor="bank")


def families(world: World) -> None:
    """Children: their news, a pause, a cancel, an undoing."""
    inner = saga("inner", step(world.book, compensation=world.unbook), wait("sailed"))
    outer = saga(
        "outer",
        step(world.lock, compensation=world.release),
        child(inner),
        step(world.charge, compensation=world.refund),
    )
    world.knows(inner, outer)
    for turn_back in ("early", "late"):
        found = world.start(outer)
        world.work()
        operations.pause(found.pk, **AS)
        world.work()
        operations.resume(found.pk, **AS)
        world.work()
        if turn_back == "late":
            world.script("charge", Abort("no"))
            operations.signal(Saga.objects.get(parent__saga=found).pk, "sailed", {}, actor="ship")
        else:
            operations.cancel(found.pk, **AS)
        world.work()
        through(world, found)


def the_house(world: World, books: Books) -> None:
    """What is not a turn: hearts, marks, judgements, rings, what nobody knows, what is removed."""
    worker = Here(queues=["sagas"])
    worker.beat()
    worker.beat()
    table = saga("two", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund))
    found = world.start(table)
    attempts.claim(*Run.objects.values_list("pk", "fence").get(saga=found), worker.id)
    for _ in range(12):
        world.sweep_later(timedelta(seconds=2, milliseconds=1))
    through(world, found)
    Here().beat()
    outlive_all()
    patient = world.start(saga("late", wait("paid", timeout=timedelta(hours=1))))
    with registry.replaced([table]):
        world.sweep_later(timedelta(hours=3))
    poisoned = world.start(table)
    attempts.claim(*Run.objects.values_list("pk", "fence").get(saga=poisoned), uuid7())
    Saga.objects.filter(pk=poisoned.pk).update(position={"broken": True})
    books.not_ours()
    world.sweep_later(timedelta(minutes=2))
    world.sweep_later(timedelta(days=3))
    for _ in range(7):
        world.sweep_later(timedelta(seconds=2, milliseconds=1))
    delivery.deliver(1, 1, uuid7())
    list(retention.prune(clock.now() - timedelta(days=1)))
    assert Saga.objects.filter(pk=patient.pk).exists()


STORIES: list[Callable[..., None]] = [forward_and_back, take_over, clocks, people, starts_and_signals, families]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_commit_of_a_turn_has_a_boundary(story: Callable[[World], None], world: World, books: Books) -> None:
    story(world)
    assert books.fired["committed"] > 5


def test_every_commit_outside_of_turns_has_a_boundary(world: World, books: Books) -> None:
    the_house(world, books)
    assert books.fired.keys() >= boundaries.COMMITS - {"renewed"}


def test_nothing_that_storms_do_commits_without_a_boundary(books: Books) -> None:
    base = a_seed("STORM")
    for number in range(STORMS):
        with a_world() as world:
            Storm(world, f"{base}:{number}").rage()
        leave_nothing()
        books.not_ours()


def test_a_commit_without_a_boundary_is_found(books: Books) -> None:
    Worker.objects.create(id=uuid7(), name="hidden", started_at=clock.now(), beat_at=clock.now())
    Sweep.objects.all().delete()
    with pytest.raises(AssertionError, match="1 commits have no boundary"):
        books.close()
    books.wrong.clear()


def test_transactions_are_opened_where_a_boundary_stands_after_them() -> None:
    root = Path(apps.get_app_config("sagas").path)
    bands = [file for band in ("record", "engine", "operations") for file in sorted((root / band).rglob("*.py"))]
    found = {str(file.relative_to(root)) for file in bands if "transaction.atomic(" in file.read_text()}
    assert found == {"record/commit.py", *OTHERS}, "use `sagas.record.commit`, or say here why not"
