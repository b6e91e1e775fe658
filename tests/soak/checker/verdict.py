"""The whole judgement: all sums over database, ledgers, answers and course, and whether enough was seen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.soak.checker import answers, course, histories, holds, ledgers, secrets
from tests.soak.checker.course import TakeOver
from tests.soak.checker.holds import Hold
from tests.soak.checker.ledgers import ROWS, Ledger
from tests.soak.checker.record import Connection, Story, sagas, stories
from tests.soak.checker.sums import Sums
from tests.soak.disturbed import Disturbance
from tests.soak.faults import KINDS
from tests.soak.profile import Profile
from tests.soak.promises import Promises
from tests.soak.samples import Sampler
from tests.soak.site import Loss

MUST_BE_LOOKED_AT = (
    "no saga is lost",
    "each revision is in the journal once",
    "completed: every step once, none undone",
    "compensated: what may have happened is undone",
    "completed: each effect is there once",
    "compensated: the net effect is zero",
    "undone in reverse order",
    "each key is applied at most once",
    "no action after its compensation",
    "no effect without a recorded attempt",
    "money, stock and points are conserved",
    "each signal is applied once",
    "one audit entry for each action",
    "what waited for a participant goes on",
)


@dataclass
class Verdict:
    """What came of it; `failures` is empty when all is well and enough was seen."""

    sums: Sums
    take_overs: list[TakeOver] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    vacuous: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        return [*self.sums.violations, *self.vacuous]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a run leaves behind."""

    profile: Profile
    database: str
    ledgers: Path
    logs: Sequence[Path]
    secret: str
    promises: Promises
    faults: Sequence[Disturbance]
    losses: Sequence[Loss]
    sampler: Sampler
    dead: Sequence[str]
    without: Sequence[str] = ()


def judge(evidence: Evidence) -> Verdict:
    """Look at everything."""
    verdict = Verdict(Sums())
    books = {service: ledgers.read(evidence.ledgers, service) for service in ROWS}
    with psycopg.connect(evidence.database) as line:
        line.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        told = look_at(line, books, evidence.promises, verdict.sums)
        secrets.check(line, evidence.logs, evidence.secret, verdict.sums)
        held = holds.every(line)
    verdict.figures["ends"] = dict(Counter(story.saga.state for story in told))
    verdict.seen["refused late writes"] = sum(move.get("did") == "late" for story in told for move in story.moves)
    _course(evidence, {story.saga.id: story for story in told}, held, verdict)
    verdict.figures["without the barrier"] = ledgers.doubled(books["loyalty"])
    _enough(evidence, verdict)
    return verdict


def look_at(line: Connection, books: Mapping[str, Ledger], promises: Promises, sums: Sums) -> list[Story]:
    """Hold a database to the ledgers and to what was answered; the stories of its sagas."""
    found = list(stories(line))
    for story in found:
        histories.check(story, sums)
        ledgers.check_with(story, books, sums)
    for book in books.values():
        ledgers.check_alone(book, sums)
    ledgers.orphans({story.saga.id for story in found}, books, sums)
    answers.check(line, sagas(line), promises, sums)
    holds.check(line, sums)
    return found


def _course(evidence: Evidence, told: dict[str, Story], held: list[Hold], verdict: Verdict) -> None:
    sums, sampler, bounds = verdict.sums, evidence.sampler, evidence.profile.bounds
    verdict.take_overs = course.take_overs(evidence.losses, told, evidence.faults, sums)
    course.punctual(verdict.take_overs, sums, bounds=bounds)
    without_broker = course.starts_without_broker(evidence.promises, evidence.faults, sums, bounds=bounds)
    verdict.figures["starts without a broker"] = without_broker
    verdict.figures["held participants"] = holds.calls(held, told.values(), evidence.faults, sums)
    excused = course.transactions(sampler.transactions, evidence.faults, sampler.looks, sums)
    verdict.figures["old transactions that a fault held"] = excused
    verdict.figures["memory"] = course.memory(sampler.memory, sums, bounds=bounds)
    sums["what is counted is true at every instant"].looked_at += sampler.looks
    for sentence in sampler.told:
        sums["secrets are kept"].see(False, sentence)
    for sentence in sampler.untruths:
        sums["what is counted is true at every instant"].see(False, sentence)
    sums["nothing stands still a minute after the last fault"].see(not evidence.dead, f"{evidence.dead}")


def _enough(evidence: Evidence, verdict: Verdict) -> None:
    """A run in which nothing happened proves nothing."""
    times = Counter(fault.kind for fault in evidence.faults)
    verdict.seen |= {
        "faults": len(evidence.faults),
        "kinds of faults": len(times),
        "take-overs": len(verdict.take_overs),
        "undisturbed take-overs": sum(each.undisturbed for each in verdict.take_overs),
        "sagas": len(evidence.promises.starts),
    }
    least = {**evidence.profile.least, "sagas": evidence.profile.sagas}
    least["kinds of faults"] -= len(evidence.without)
    for name, number in least.items():
        if verdict.seen[name] < number:
            verdict.vacuous.append(f"only {verdict.seen[name]} {name} were seen, and {number} are needed")
    for kind in sorted(set(KINDS) - set(times) - set(evidence.without)):
        verdict.vacuous.append(f"the fault {kind!r} never happened")
    for name in MUST_BE_LOOKED_AT:
        if not verdict.sums[name].looked_at:
            verdict.vacuous.append(f"there was nothing to look at for {name!r}")
