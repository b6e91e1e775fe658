"""How participants stand: which are held, how many steps wait for each, what went wrong last, how canaries fare."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import F, Func, IntegerField

from sagas.errors import NotFound
from sagas.models import Hold, Incident, Run, Work
from sagas.operations import holding
from sagas.record import clock
from sagas.record.sight import FULL, Sight
from sagas.words.lifecycle import StepState
from sagas.words.plan import Undo

MOST_COUNTED = 10_000
FEW = 3
"""So many of the latest errors are shown."""
MOST_ERRORS = 500
"""So many of the latest open incidents are looked at for them."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A saga that may call a participant that is held, and what came of it."""

    saga: UUID
    at: datetime
    by: str
    step: str
    outcome: str
    """A sentence."""
    went_well: bool | None
    """None while it is not known."""


@dataclass(frozen=True, kw_only=True)
class Participant:
    """One service that steps call, as it stands."""

    name: str
    steps: list[tuple[str, str]]
    """The definitions and steps that call it."""
    hold: Hold | None
    stands: str
    """`called`, `held`, or `releasing` while its steps are let go."""
    waiting: int
    """Steps that wait for it; 10,001 is more than 10,000."""
    errors: list[str]
    canaries: list[Canary] = field(default_factory=list)
    allowed: list[str]


class _Waiting(Func):
    """How many runs wait for a hold, as many as are counted: for all holds in one statement."""

    template = (
        "(SELECT count(*) FROM (SELECT 1 FROM sagas_run WHERE hold_id = %(expressions)s LIMIT %(most)s) AS first_ones)"
    )
    output_field = IntegerField()


def participants(tenant: str, definitions: Collection[str] | None = None, sight: Sight = FULL) -> list[Participant]:
    """All of them, those that are held first; of `definitions` one may know of, None is all."""
    now = clock.now()
    open_ones = Hold.objects.open().filter(tenant=tenant).annotate(waiting=_Waiting(F("pk"), most=MOST_COUNTED + 1))
    holds = {hold.participant: hold for hold in open_ones}
    runs = Run.objects.in_bulk([canary["run"] for hold in holds.values() for canary in hold.canaries])
    sent = {pk: sight.look(run) for pk, run in runs.items()}
    known = holding.known() | {name: [] for name in holds if name not in holding.known()}
    troubles = _troubles(tenant, definitions)
    found = []
    for name, called in known.items():
        steps = [step for step in called if definitions is None or step[0] in definitions]
        if steps or definitions is None:
            errors = list(dict.fromkeys(sight.words(said) for step, said in troubles if step in steps))[:FEW]
            found.append(_standing(name, steps, holds.get(name), errors, sent, now))
    return sorted(found, key=lambda one: (one.stands == "called", one.name))


def participant(name: str, tenant: str, definitions: Collection[str] | None = None, sight: Sight = FULL) -> Participant:
    """One of them. Raises `NotFound`."""
    found = next((one for one in participants(tenant, definitions, sight) if one.name == name), None)
    if found is None:
        raise NotFound(f"There is no participant {name[:63]!r}.")
    return found


def _troubles(tenant: str, definitions: Collection[str] | None) -> list[tuple[tuple[str, str], str]]:
    """What the latest open incidents say, each with its definition and step."""
    mine = Incident.objects.open().filter(tenant=tenant)
    mine = mine if definitions is None else mine.filter(definition__in=definitions)
    rows = mine.order_by("-last_at").values_list("definition", "path", "sentence")[:MOST_ERRORS]
    return [((definition, path), sentence) for definition, path, sentence in rows]


def _standing(
    name: str,
    steps: list[tuple[str, str]],
    hold: Hold | None,
    errors: list[str],
    sent: Mapping[int, Run],
    now: datetime,
) -> Participant:
    stands = "called" if hold is None else "held" if hold.is_in_force(now) else "releasing"
    return Participant(
        name=name,
        steps=steps,
        hold=hold,
        stands=stands,
        waiting=hold.waiting if hold else 0,  # type: ignore[attr-defined]
        errors=errors,
        canaries=list(_canaries(hold, sent, now)) if hold else [],
        allowed=holding.allowed(hold, now),
    )


def _canaries(hold: Hold, sent: Mapping[int, Run], now: datetime) -> Iterator[Canary]:
    for canary in hold.canaries:
        run = sent.get(canary["run"])
        outcome, well = _outcome(run, now) if run is not None else ("It is not there any more.", None)
        yield Canary(
            saga=UUID(canary["saga"]),
            at=datetime.fromisoformat(canary["at"]),
            by=canary["by"],
            step=run.path if run is not None else "",
            outcome=outcome,
            went_well=well,
        )


def _outcome(run: Run, now: datetime) -> tuple[str, bool | None]:
    said = f": {run.error.rstrip('.')}" if run.error else ""
    if run.undo == Undo.STUCK or run.held:
        return f"{run.path} needs a person{said}.", False
    if run.undo == Undo.DONE:
        return f"{run.path} is undone.", True
    if run.work == Work.RUNNING:
        return f"{run.path} is under way.", None
    if run.work == Work.DUE and run.at is not None and run.at > now:
        return f"{run.path} is tried again at {run.at:%H:%M:%S} UTC{said}.", False
    if run.work == Work.DUE:
        return f"{run.path} is due; a worker takes it next.", None
    if run.state == StepState.SUCCEEDED:
        return f"{run.path} succeeded.", True
    return f"{run.path} is {run.state.replace('_', ' ')}{said}.", False
