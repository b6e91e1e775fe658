"""What holding, releasing, or a canary would do: sentences for people, and nothing is changed."""

from collections.abc import Callable, Iterator
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import Q

from sagas.models import Run, Work
from sagas.operations import holding
from sagas.operations.participants import MOST_COUNTED, Participant, participant
from sagas.record.commit import commit, roll_back

MOST_NAMED = 12
MINUTE = 60


def foresee(verb: str, name: str, *, tenant: str, **arguments: Any) -> tuple[str, ...]:
    """What `hold`, `release` or `canary` would do, a sentence each. Raises what the verb raises."""
    before = participant(name, tenant)
    with commit():  # whatever the verb would refuse is refused here, too
        getattr(holding, verb)(name, tenant=tenant, **arguments)
        roll_back()
    about = {name: value for name, value in arguments.items() if name not in ("actor", "reason")}
    return tuple(SAID[verb](before, tenant, **about))


def _hold(before: Participant, tenant: str, until: datetime | None = None) -> Iterator[str]:
    steps = [f"{step} of {definition}" for definition, step in before.steps]
    more = f" and {len(steps) - MOST_NAMED} more" if len(steps) > MOST_NAMED else ""
    yield (
        f"These steps wait, forward and back: {', '.join(steps[:MOST_NAMED])}{more}."
        if steps
        else "No step that is known here calls it."
    )
    if count := _under_way(before, tenant):
        yield f"{count} attempt{'s' if count > 1 else ''} under way may call it still, and will be recorded."
    if before.waiting:
        yield f"{_many(before.waiting)} parked already, and {'waits' if before.waiting == 1 else 'wait'} on."
    yield "Their clocks, and their sagas' deadlines, stand still; nobody is turned back."
    yield f"It ends by itself at {until:%Y-%m-%d %H:%M:%S} UTC." if until else "It lasts until it is released."


def _under_way(before: Participant, tenant: str) -> int:
    """How many attempts of this tenant's sagas may call it at this moment."""
    calling = Q(pk=None)
    for definition, step in before.steps:
        calling |= Q(saga__definition=definition, path=step)
    return Run.objects.filter(calling, work=Work.RUNNING, worker__isnull=False, saga__tenant=tenant).count()


def _release(before: Participant, tenant: str, rate: int | None = None) -> Iterator[str]:
    if not before.waiting:
        yield "No step waits for it."
    elif rate is None:
        yield f"{_many(before.waiting)} let go at once."
    else:
        seconds = ceil(before.waiting / rate)
        time = f"{seconds} s" if seconds < MINUTE else f"{ceil(seconds / MINUTE)} min"
        yield f"{_many(before.waiting)} let go, {rate} a second; that takes {time}."
    if any(canary.went_well is False for canary in before.canaries):
        yield "A canary has not gone well."
    yield "Steps that come up from now on call it at once."


def _canary(before: Participant, tenant: str, saga: UUID | None = None) -> Iterator[str]:
    first = holding.first_to_go(before.hold, saga)
    if first is not None:
        whose = "the chosen one" if saga and saga != first.saga_id else "that saga"
        yield f"{first.path} of {first.saga} is let go; {whose} and its children may call {before.name} from now on."
    yield "All others wait on."


SAID: dict[str, Callable[..., Iterator[str]]] = {"hold": _hold, "release": _release, "canary": _canary}


def _many(count: int) -> str:
    if count > MOST_COUNTED:
        return f"More than {MOST_COUNTED} steps are"
    return "1 step is" if count == 1 else f"{count} steps are"
