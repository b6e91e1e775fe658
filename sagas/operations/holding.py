"""Holding a participant: its steps wait, their clocks stand still, nobody is turned back; then it is released.

    hold      from now on no step calls it; attempts under way finish and are recorded
    canary    one saga may call it all the same, to see how that goes
    release   what waits is let go, at a rate or all at once (by the sweep, `sagas.engine.letting_go`)

A hold is one tenant's: the sagas of others go on calling.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from sagas.conf import conf
from sagas.engine.dispatch import ring_after_commit
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Hold, Run
from sagas.operations.audit import signed, the_reason, write_down
from sagas.operations.starting import a_time
from sagas.record import clock
from sagas.record.commit import commit
from sagas.record.holds import family_of
from sagas.record.locked import turn
from sagas.record.parking import let_go
from sagas.words import boundaries, registry

MOST_CANARIES = 20
MOST_A_SECOND = 1000


def hold(participant: str, *, actor: str, reason: str, tenant: str = "default", until: datetime | None = None) -> Hold:
    """Let no step call that participant, until it is released or that time has come.

    One that is being released is held again. Raises `NotFound`, `InvalidInput`, or `NotAllowed` (code `held`).
    """
    now, why = clock.now(), the_reason(reason, "hold")
    end = a_time(until, "/until") if until else None
    if end is not None and end <= now:
        fault = "must lie ahead"
        raise InvalidInput(f"The time {fault}.", errors=[{"pointer": "/until", "detail": fault}])
    _must_be_known(participant)
    about: dict[str, Any] = {"reason": why, "held_by": signed(actor), "until": end}
    try:
        with commit():
            found = _open(participant, tenant)
            if found is not None and found.is_in_force(now):
                raise _refused(f"{participant} is held already, by {found.held_by}.", "held", found)
            if found is None:
                found = Hold.objects.create(tenant=tenant, participant=participant, held_at=now, **about)
            else:
                _change(found, **about, released_by="", released_at=None, rate=None, let_go_at=None)
            _note("hold", found, actor, why, {"until": end.isoformat() if end else None})
    except IntegrityError:
        raise NotAllowed(f"Somebody else has just held {participant}.", code="held") from None
    return found


def release(participant: str, *, actor: str, reason: str, tenant: str = "default", rate: int | None = None) -> Hold:
    """Let its steps go, `rate` of them a second, or all at once without one; new ones call it from now on.

    Raises `NotFound`, `InvalidInput`, or `NotAllowed` (code `not_held`).
    """
    now, why = clock.now(), the_reason(reason, "release")
    if rate is not None and not 1 <= rate <= MOST_A_SECOND:
        fault = f"must lie between 1 and {MOST_A_SECOND}"
        raise InvalidInput(f"The rate {fault}.", errors=[{"pointer": "/rate", "detail": fault}])
    with commit():
        found = _held(participant, tenant)
        _change(found, released_by=signed(actor), released_at=now, rate=rate, let_go_at=now)
        _note("release", found, actor, why, {"rate": rate})
    return found


def canary(participant: str, *, actor: str, reason: str, tenant: str = "default", saga: UUID | None = None) -> Hold:
    """Let one saga call it all the same: that one, or the one that has waited longest; the others wait on.

    Its children pass with it, and what of them waits already is let go by the sweep.
    Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `not_held`, `none_waits` and `too_many`.
    """
    why = the_reason(reason, "canary")
    with commit():
        found = _held(participant, tenant)
        first = first_to_go(found, saga)
        if first is None:
            which = f"No step of saga {saga} or its children" if saga else "No step"
            raise _refused(f"{which} waits for {participant}.", "none_waits", found)
        if len(found.canaries) >= MOST_CANARIES:
            raise _refused(f"{MOST_CANARIES} sagas may call {participant} already; release it.", "too_many", found)
        at = clock.now().isoformat()
        sent = {"saga": str(saga or first.saga_id), "run": first.pk, "at": at, "by": signed(actor)}
        _change(found, canaries=[*found.canaries, sent])
        with turn(first.saga_id, actor) as t:
            for run in t.runs(hold_id=found.pk):
                let_go(t, run)
            t.derive()
            t.saga.decisions += 1
        ring_after_commit(t)
        _note("canary", found, actor, why, {"step": first.path, "item": first.item}, saga=first.saga_id)
    return found


def first_to_go(hold: Hold | None, saga: UUID | None = None) -> Run | None:
    """What has waited longest: of all, or of that saga and its children."""
    waiting = Run.objects.filter(hold=hold, saga__paused_at=None).order_by("id")
    if hold is None or saga is None:
        return waiting.first() if hold else None
    return waiting.filter(saga__in=family_of([saga])).first()


def known() -> dict[str, list[tuple[str, str]]]:
    """Every participant that there is, by name, with the definitions and steps that call it."""
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in sorted(conf().services)}
    for table in registry.everything():
        for step in table.steps:
            for name in step.participants:
                if (table.name, step.name) not in found.setdefault(name, []):
                    found[name].append((table.name, step.name))
    return found


def _must_be_known(participant: str) -> None:
    if participant not in known():
        names = ", ".join(sorted(known())[:20]) or "none"
        raise NotFound(f"There is no participant {participant[:63]!r}; there are: {names}.")


def _open(participant: str, tenant: str) -> Hold | None:
    return Hold.objects.open().select_for_update().filter(tenant=tenant, participant=participant).first()


def _held(participant: str, tenant: str) -> Hold:
    found = _open(participant, tenant)
    if found is None:
        _must_be_known(participant)
        raise NotAllowed(f"{participant} is not held.", code="not_held", allowed=["hold"])
    return found


def _refused(sentence: str, code: str, found: Hold) -> NotAllowed:
    return NotAllowed(sentence, code=code, allowed=allowed(found))


def allowed(found: Hold | None, now: datetime | None = None) -> list[str]:
    """What can be done about a participant as it stands."""
    if found is None:
        return ["hold"]
    return ["canary", "release"] if found.is_in_force(now or clock.now()) else ["hold", "release"]


def _change(found: Hold, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(found, name, value)
    found.save(update_fields=list(changes))


def _note(verb: str, found: Hold, actor: str, why: str, details: dict[str, Any], saga: UUID | None = None) -> None:
    about: dict[str, Any] = {"path": found.participant, "saga": saga, "details": details}
    write_down(verb, actor=actor, why=why, tenant=found.tenant, **about)
    boundaries.committed("noted")
