"""What stands in the outbox is sent to its target: in order per saga, at least once, and nobody else is held up.

    1. hold    one process at a time sends to a target
    2. take    what is next, but for what stands behind an event of its saga that is in trouble
    3. send    one event of each saga at a time, outside any transaction
    4. note    sent, to be tried again, or parked for a person

A process that dies between 3 and 4 has sent what is sent once more: receivers know an event by its id.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from gateway.borrowing import borrowed
from gateway.limits import clean_text
from gateway.pauses import at_least, doubling
from sagas.events import lanes
from sagas.events.targets.target import Away, NotTaken, Outcome, Sent, Target, Unwanted
from sagas.models import OutboxEvent
from sagas.record import clock
from sagas.words import boundaries

State = OutboxEvent.State

BATCH = 500
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)
LOGGED = 20
"""So many tries at a target are kept with an event."""


def publish(name: str, target: Target, me: UUID) -> int:
    """Send what is next; how many events that were, 0 when there is nothing to do, or somebody else does it."""
    with borrowed():
        events = _take(name) if lanes.hold(name, me) else []
    done, troubled = 0, set[UUID]()
    for wave in _waves(events, target.at_once):
        sending = [event for event in wave if event.saga not in troubled]
        if not sending:
            continue
        with borrowed():
            if not lanes.hold(name, me):
                break
        try:
            outcomes = target.send(sending)
            boundaries.passed("shipped")
        except Away as away:
            with borrowed():
                lanes.pause(name, me, clean_text(str(away), 300))
            break
        with borrowed():
            lanes.works(name)
            _note(name, sending, outcomes, target.tries)
        troubled |= {e.saga for e, outcome in zip(sending, outcomes, strict=True) if not isinstance(outcome, Sent)}
        done += len(sending)
    return done


def _take(name: str) -> list[OutboxEvent]:
    """What is next, in order. What stands behind trouble is set aside, so that it is not looked at each time."""
    now = clock.now()
    if due := list(OutboxEvent.objects.retrying(name).filter(due_at__lte=now).values_list("pk", flat=True)[:BATCH]):
        OutboxEvent.objects.filter(pk__in=due, state=State.RETRYING).update(state=State.WAITING)
    found = list(OutboxEvent.objects.waiting(name)[:BATCH])
    first = _first_in_trouble(name, {event.saga for event in found}) if found else {}
    behind = {event.pk for event in found if event.pk > first.get(event.saga, event.pk)}
    if behind:
        OutboxEvent.objects.filter(pk__in=behind, state=State.WAITING).update(state=State.HELD)
    return [event for event in found if event.pk not in behind]


def _first_in_trouble(name: str, sagas: set[UUID]) -> dict[UUID, int]:
    """The first event of each of these sagas that is to be tried again."""
    troubled = OutboxEvent.objects.filter(saga__in=sagas, target=name, state=State.RETRYING)
    found: dict[UUID, int] = {}
    for saga, pk in troubled.order_by("-id").values_list("saga", "pk"):
        found[saga] = pk
    return found


def _waves(events: Sequence[OutboxEvent], most: int) -> Iterator[list[OutboxEvent]]:
    """So many at a time, each of another saga: an event is sent when the one before it has arrived."""
    rest = list(events)
    while rest:
        wave: dict[UUID, OutboxEvent] = {}
        later = []
        for event in rest:
            if event.saga in wave or len(wave) == most:
                later.append(event)
            else:
                wave[event.saga] = event
        yield list(wave.values())
        rest = later


def _note(name: str, events: Sequence[OutboxEvent], outcomes: Sequence[Outcome], most_tries: int) -> None:
    now = clock.now()
    with transaction.atomic():
        plain = [e.pk for e, outcome in zip(events, outcomes, strict=True) if outcome == Sent() and not e.log]
        OutboxEvent.objects.filter(pk__in=plain, state=State.WAITING).update(state=State.SENT, ended_at=now, error="")
        for event, outcome in zip(events, outcomes, strict=True):
            if event.pk not in plain:
                _note_one(event, outcome, now, most_tries)
        if eased := [event.saga for event in events if event.tries and event.state != State.RETRYING]:
            release(name, eased)


def _note_one(event: OutboxEvent, outcome: Outcome, now: datetime, most_tries: int) -> None:
    event.tries += 1
    event.log = [*event.log, {"at": now.isoformat(), **outcome.log}][-LOGGED:] if outcome.log else event.log
    event.error = "" if isinstance(outcome, Sent) else clean_text(outcome.reason, 300)
    event.due_at = event.ended_at = None
    match outcome:
        case Sent():
            event.state, event.ended_at = State.SENT, now
        case NotTaken(after=after) if event.tries < most_tries:
            event.state, event.due_at = State.RETRYING, now + _pause(event.tries, after)
        case NotTaken() | Unwanted():
            event.state = State.PARKED
    names = ("tries", "log", "error", "state", "due_at", "ended_at")
    changed = {name: getattr(event, name) for name in names}
    OutboxEvent.objects.filter(pk=event.pk, state=State.WAITING).update(**changed)


def _pause(tries: int, after: timedelta | None) -> timedelta:
    return at_least(after, doubling(tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE), longest=LONGEST_PAUSE)


def mend(name: str) -> None:
    """Let go what was set aside by a process that lost its lane just then; what has to wait is set aside again."""
    with borrowed():
        held = OutboxEvent.objects.filter(target=name, state=State.HELD).order_by("id")
        found = list(held.values_list("pk", "saga")[:BATCH])
        troubled = _first_in_trouble(name, {saga for _, saga in found})
        free = [pk for pk, saga in found if saga not in troubled]
        OutboxEvent.objects.filter(pk__in=free, state=State.HELD).update(state=State.WAITING)


def release(name: str, sagas: Sequence[UUID]) -> None:
    """What was set aside behind these sagas' trouble may go."""
    OutboxEvent.objects.filter(saga__in=sagas, target=name, state=State.HELD).update(state=State.WAITING)


def forget(before: datetime, most: int = 1000) -> int:
    """Remove some of what was sent, or dropped, before then; how many that were."""
    with borrowed():
        old = OutboxEvent.objects.filter(state__in=[State.SENT, State.DROPPED], ended_at__lt=before)
        found = list(old.order_by("ended_at").values_list("pk", flat=True)[:most])
        if found:
            OutboxEvent.objects.filter(pk__in=found).delete()
        return len(found)
