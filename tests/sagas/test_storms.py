"""Storms: random tables of all rows through the real engine, with hostile participants, people and clocks.

Where the model test holds the rules, this holds the machinery: what is counted on the saga's row equals what its rows
say, nothing is ever without a next move, the journal's states are the rows', and at the end no effect is left that
should have been undone, and none is missing.

STORMS   how many (150)
STORM    a seed that was printed, which replays it; without it CHANCE says which
"""

import os
import sys
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

import pytest
from django.db.models import Model, Q, QuerySet

from sagas import Abort, RetryLater, operations
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.errors import InvalidInput, NotAllowed
from sagas.models import Hold, Incident, Run, Saga, Sweep, Work
from sagas.operations.facts import resolvable
from sagas.record import attempts, clock
from sagas.record.attempts import Claim
from sagas.record.turn import STANCES
from sagas.words import registry
from sagas.words.outcome import Refused, Succeeded
from sagas.words.plan import Undo
from sagas.words.rows import Step
from sagas.words.verdict import Doing
from tests.harness.chance import a_seed
from tests.sagas.holding import Holding
from tests.sagas.tables import Sketches, built
from tests.sagas.world import World, a_world, moves_of

pytestmark = pytest.mark.django_db(transaction=True)

Row = TypeVar("Row", bound=Model)
STORMS = int(os.environ.get("STORMS", "150"))
SHARDS = 6
PATIENCE = 90


class Participant:
    """Applies each action once by its key, undoes it once, and refuses an action after its compensation."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.there: set[str] = set()
        self.undone: set[str] = set()
        self.mood = 0.0
        self.order: list[tuple[str, str]] = []

    def act(self, key: str) -> dict[str, str]:
        if key in self.undone:
            raise Abort("It was undone before it came.")
        if key not in self.there:
            self.order.append(("done", key))
        self.there.add(key)
        return {"key": key}

    def undo(self, key: str) -> None:
        if key in self.there:
            self.order.append(("undone", key))
        self.there.discard(key)
        self.undone.add(key)

    def action(self, ctx: Any) -> dict[str, str]:
        if self.chance.random() > self.mood:
            return self.act(ctx.key)
        match self.chance.choice(["no", "later", "before", "after", "partly"]):
            case "no":
                raise Abort("no")
            case "later":
                raise RetryLater("later")
            case "before":
                raise ValueError("lost on its way there")
            case "after":
                self.act(ctx.key)
                raise ValueError("lost on its way back")
        self.act(ctx.key)
        raise Abort("half of it", done={"half": True})

    def compensation(self, ctx: Any) -> None:
        if self.chance.random() < self.mood / 2:
            raise self.chance.choice([Abort("cannot be undone"), ValueError("lost"), RetryLater("later")])
        self.undo(ctx.action.key)

    def probe(self, ctx: Any) -> dict[str, str]:
        if self.chance.random() < self.mood / 2:
            raise RetryLater("cannot tell")
        if ctx.action.key not in self.there:
            raise Abort("it is not there")
        return {"key": ctx.action.key}


class Storm:
    def __init__(self, world: World, seed: str) -> None:
        self.world, self.chance = world, Random(seed)
        self.participant = Participant(self.chance)
        self.participant.mood = self.chance.choice([0.0, 0.1, 0.3, 0.5])
        self.zombies: list[Claim] = []
        self.holding = Holding(self.chance)
        hands = (self.participant.action, self.participant.compensation, self.participant.probe)
        self.action, self.compensation, self.probe = map(self.holding.watched, hands)
        self.overdue: set[Any] = set()
        self.trace: list[str] = []
        self.seen: Counter[str] = Counter()
        self.table = built(Sketches(self.chance).table(), self)

    def sometimes(self, ctx: Any) -> bool:
        if self.chance.random() < self.participant.mood / 3:
            raise KeyError("oops")
        return self.chance.random() < 0.8

    def accept(self, ctx: Any, payload: Any) -> Any:
        if self.chance.random() < self.participant.mood:
            raise self.chance.choice([Abort("not so"), KeyError("oops")])
        return payload

    # The storm

    def rage(self) -> Saga:
        self.world.knows(self.table)
        found = self.world.start(self.table)
        for number in range(PATIENCE * 8):
            if number == PATIENCE:
                self.participant.mood = 0.0
            act = self.chance.choice(self.acts(kind=number > PATIENCE))
            self.trace.append(act.__name__)
            act()
            self.check()
            live = Saga.objects.live().exists()
            due = Run.objects.filter(work__isnull=False).exclude(saga__ended_at__isnull=False, kind="step").exists()
            if not live and not self.zombies and not due:
                found.refresh_from_db()
                return found
        raise AssertionError(f"It does not end.\n{self.left()}")

    def left(self) -> str:
        lines = [f"{len(self.zombies)} zombies"]
        for found in Saga.objects.exclude(state__in=["completed", "compensated", "cancelled"]):
            lines.append(f"{found} {found.state} {found.going} {found.position} paused {found.paused_at}")
            runs = Run.objects.filter(saga=found).filter(Q(work__isnull=False) | Q(held=True) | Q(undo="stuck"))
            for run in runs:
                about = (run.kind, run.state, run.undo, run.work, run.doing, run.at, run.held, run.happened, run.error)
                lines.append(f"  {run.path}[{run.item}] {about}")
            for incident in Incident.objects.open().filter(saga=found):
                lines.append(f"  {incident.reason} {incident.sentence}")
        return "\n".join(lines)

    def acts(self, *, kind: bool) -> list[Any]:
        calm = [self.deliver] * 12 + [self.later] * 4 + [self.signal, self.decide] * 2
        repairs = [self.retry, self.resume, self.repair] * 2
        wild = [self.crash, self.speak_late, self.duplicate]
        holding = self.holding
        if kind:
            return calm + repairs + [self.speak_late, holding.release, holding.look]
        people = [self.cancel, self.pause, self.give_up, self.reschedule]
        return calm + repairs + wild + people + [holding.hold, holding.canary, holding.release, holding.look]

    def some(self, rows: QuerySet[Row], most: int) -> list[Row]:
        """Some of them, by this storm's own chance, so that it can be replayed."""
        found = list(rows.order_by("pk"))
        return self.chance.sample(found, min(most, len(found)))

    def deliver(self) -> None:
        for run in self.some(Run.objects.due(clock.now()), 1):
            delivery.deliver(run.pk, run.fence, self.world.worker)

    def check_rows(self) -> None:
        for run in Run.objects.all():
            for mark in ("loser", "held", "undo_again"):
                self.seen[mark] += getattr(run, mark)
            self.seen[f"undo {run.undo}"] += run.undo not in ("none", "owed")

    def duplicate(self) -> None:
        for run in self.some(Run.objects.exclude(fence=1), 2):
            delivery.deliver(run.pk, run.fence - 1, self.world.worker)

    def later(self) -> None:
        by = self.chance.choice([timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=20)])
        self.holding.passes(by)
        self.world.later(by)
        sweep()

    def crash(self) -> None:
        """A worker claims, and is not heard of any more until its lease is over."""
        for run in self.some(Run.objects.due(clock.now()).exclude(kind=Run.Kind.MESSAGE), 1):
            claimed = attempts.claim(run.pk, run.fence, self.world.worker)
            if isinstance(claimed, Claim):
                self.holding.begun(claimed)
                self.zombies.append(claimed)
                self.seen["crash"] += 1

    def speak_late(self) -> None:
        if not self.zombies:
            return
        held = self.zombies.pop(self.chance.randrange(len(self.zombies)))
        doing = held.run.doing
        if doing == Doing.DECISION or doing == Doing.PROBE:
            return
        key = held.run.action_key
        outcome: Any = Succeeded(result={"late": True})
        if doing == Doing.COMPENSATION:
            self.participant.undo(key)
        else:
            try:
                self.participant.act(key)
            except Abort as error:
                outcome = Refused(error=str(error))
        attempts.record(held, outcome, self.world.worker, go_on=False)

    def signal(self) -> None:
        for run in self.some(Run.objects.filter(kind=Run.Kind.WAIT, work=Work.WAITING), 1):
            operations.signal(run.saga_id, run.path, {"n": 1}, actor="storm")

    def decide(self) -> None:
        for run in self.some(Run.objects.filter(kind=Run.Kind.APPROVAL, work=Work.WAITING), 1):
            yes = self.chance.random() < 0.8
            self.verb("decide", run.saga_id, step=run.path, approved=yes)

    def retry(self) -> None:
        for found in self.some(Saga.objects.filter(open_incidents__gt=0), 1):
            self.verb("retry", found.pk)
        for found in self.some(Saga.objects.filter(state="failed"), 1):
            self.verb("retry", found.pk)

    def repair(self) -> None:
        rows = Run.objects.exclude(saga__open_incidents=0)
        if not self.participant.mood:
            rows = rows.filter(pk__in=Incident.objects.open().values("run"))  # a person reads what needs one
        for run in self.some(rows, 1):
            verb = self.chance.choice(["skip", "waive", "resolve"])
            about: dict[str, Any] = {"step": run.path, "item": run.item}
            if verb == "resolve":
                about["landed"] = run.action_key in self.participant.there
                if not about["landed"] and Run.objects.filter(resolvable(), pk=run.pk).exists():
                    self.participant.undone.add(run.action_key)
            if verb == "waive":
                late = Incident.objects.open().filter(run=run, reason="late_success").exists()
                if run.undo != Undo.STUCK and not late:
                    return
                self.participant.undo(run.action_key)
            self.verb(verb, run.saga_id, **about)

    def pause(self) -> None:
        for found in self.some(Saga.objects.live(), 1):
            self.verb("pause", found.pk)

    def resume(self) -> None:
        for found in Saga.objects.live().exclude(paused_at=None):
            self.verb("resume", found.pk)

    def cancel(self) -> None:
        if self.chance.random() < 0.2:
            for found in self.some(Saga.objects.live(), 1):
                self.verb(self.chance.choice(["cancel", "compensate"]), found.pk)

    def give_up(self) -> None:
        for found in self.some(Saga.objects.live().filter(open_incidents__gt=0), 1):
            self.verb("give_up", found.pk)

    def reschedule(self) -> None:
        for run in self.some(Run.objects.filter(work=Work.WAITING), 1):
            at = clock.now() + timedelta(minutes=self.chance.choice([-1, 10]))
            self.verb("reschedule", run.saga_id, step=run.path, item=run.item, at=at)

    def verb(self, name: str, saga_id: Any, **about: Any) -> None:
        """A verb that is listed as allowed may still be refused for that step; one that is not listed must be."""
        listed = operations.allowed(Saga.objects.get(pk=saga_id))
        try:
            getattr(operations, name)(saga_id, actor="storm", reason="because", **about)
        except (NotAllowed, InvalidInput):
            return
        going_back = name in ("cancel", "compensate")
        assert name in listed or going_back, f"{name} was done, and only {listed} was listed"
        self.seen[name] += 1

    # What must hold

    def check(self) -> None:
        for found in Saga.objects.all():
            runs = list(Run.objects.filter(saga=found))
            counted = Counter(run.stance for run in runs)
            tally = dict(zip(STANCES, found.position.get("tally", []), strict=False))
            assert tally == {stance: counted[stance] for stance in STANCES}, f"{found}: {tally}, counted {counted}"
            opened = Incident.objects.open().filter(saga=found).count()
            assert opened == found.open_incidents, f"{found} counts {found.open_incidents} incidents of {opened}"
            last: dict[Any, Any] = {}
            for move in moves_of(found):
                if "state" in move:
                    last[move["step"], move["item"]] = (move["state"], move["undo"])
            for run in runs:
                if (run.path, run.item) in last and run.state != "cancelled":
                    assert last[run.path, run.item] == (run.state, run.undo), f"{run}: the journal says {last}"
        for found in Saga.objects.live().filter(paused_at=None):
            active = Run.objects.filter(saga=found, work__isnull=False).exists()
            assert active or found.open_incidents or found.state == "pending", f"nothing will ever move {found}"
        self.holding.check()
        self.check_deadlines()

    def check_deadlines(self) -> None:
        """None is over while the saga was paused, or waited for a participant that was held."""
        over = Saga.objects.filter(Q(cause="deadline") | Q(overdue_at__isnull=False)).exclude(pk__in=self.overdue)
        for found in over:
            self.overdue.add(found.pk)
            table = registry.find(found.definition, found.version, found.fingerprint)
            early = table and table.deadline and not self.holding.is_due(found, table.deadline, clock.now())
            assert not early, f"The deadline of {found} was taken for over, and it had stood still"

    def check_effects(self) -> None:
        self.check_rows()
        for run in Run.objects.filter(kind=Run.Kind.STEP).select_related("saga"):
            there = self.effect(run)
            end = run.saga.state
            excused = run.undo == Undo.WAIVED or Incident.objects.open().filter(run=run).exists()
            unwanted = end in ("compensated", "cancelled") or (run.loser and end != "failed")
            pivot = isinstance(row := self.row(run), Step) and row.pivot
            if unwanted and not excused and not pivot:
                assert not there, f"{run} of a saga that is {end} left {there}"
            if end == "completed" and run.state == "succeeded" and not run.loser and run.code != "abort":
                about = [move for move in moves_of(run.saga) if move.get("step") == run.path]
                assert there, f"{run} succeeded and left nothing: {about}"

    def effect(self, run: Run) -> list[str]:
        mine = f"{run.saga_id}:{run.path}:{run.item}:"
        return [key for key in self.participant.there if key.startswith(mine)]

    def row(self, run: Run) -> Any:
        table = registry.find(run.saga.definition, run.saga.version, run.saga.fingerprint)
        return table.places[run.path].row if table else None


def leave_nothing() -> None:
    """Nothing of an earlier storm is there any more, not even the mark that excuses the next sweep."""
    Saga.objects.all().update(parent=None)
    Saga.objects.all().delete()
    Hold.objects.all().delete()
    Sweep.objects.all().delete()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_storm_ends_and_leaves_what_it_should(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    base = a_seed("STORM")
    seeds = [base] if ":" in base else [f"{base}:{n}" for n in range(shard, STORMS, SHARDS)]
    for seed in seeds:
        leave_nothing()
        with a_world() as world:
            storm = Storm(world, seed)
            try:
                end = storm.rage().state
                storm.check_effects()
                seen += storm.seen + Counter(storm.holding.done) + Counter({f"the end {end}": 1})
            except Exception as error:
                shown = "\n".join(storm.trace[-15:])
                pytest.fail(f"{type(error).__name__}: {error}\nreplay with STORM={seed}\n{shown}", pytrace=True)
    with capsys.disabled():
        told = ", ".join(f"{what} {count}" for what, count in seen.most_common())
        sys.stdout.write(f"\n{len(seeds)} storms, seed {base}: {told}\n")
