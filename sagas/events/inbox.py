"""What an event from outside does, once: it starts sagas and signals them, in the transaction that remembers it.

    take         an event came: only when this has returned may its source forget it
    look again   an event for a saga that was not there yet
    replay       a person wants one done that was parked

Whatever is wrong with an event is said in a sentence and parked with it, so no event stands in the way of others. What
kills the process is counted before it is tried again, and parked as well.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from gateway.borrowing import borrowed
from gateway.limits import clean_text
from gateway.vault import Unreadable
from sagas import operations
from sagas.conf import conf
from sagas.engine.local import is_conflict
from sagas.errors import InvalidInput, NotFound, SagaError, words_of
from sagas.events.arriving import Malformed, Message, parse
from sagas.events.keeping import kept, message_of
from sagas.models import InboxEvent
from sagas.record import clock
from sagas.words import boundaries, registry, routes
from sagas.words.events import wanted
from sagas.words.routes import Event, Route

State = InboxEvent.State

DEADLY = 3
"""An event that was begun so often without a word is not begun again by itself."""
CONFLICTS = 10
FIRST_LOOK, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)
BATCH = 100


class NotThereYet(Exception):
    """The saga that it is for has not begun."""


class Parked(Exception):
    """It cannot be done; the message says why, and what to do."""


def take(source: str, message: Message) -> str:
    """Do what a message says, and remember it; what became of it: a state, "again" or "ignored".

    Raises what the database raises when it is away: then the source must bring it again.
    """
    for _ in range(CONFLICTS):
        try:
            with borrowed():
                became = _taken(source, message)
        except OperationalError as error:
            if not is_conflict(error):
                raise
        else:
            boundaries.passed("taken_in")
            return became
    raise OperationalError("Other transactions spoiled it again and again.")


def _taken(source: str, message: Message) -> str:
    try:
        event = parse(message)
    except Malformed as error:
        return _remember(source, message, None, str(error))
    if not wanted(_settings(source).get("events", ("*",)), event.type):
        return "ignored"
    if message.redelivered and not _may_begin(source, message, event):
        return State.PARKED
    return _remember(source, message, event, "")


def _remember(source: str, message: Message, event: Event | None, fault: str) -> str:
    with transaction.atomic():
        known = _identity(source, message, event)
        row = InboxEvent.objects.select_for_update(no_key=True).filter(**known).first()
        if row is None:
            try:
                with transaction.atomic():
                    row = InboxEvent.objects.create(**known, **_first(source, message, event))
            except IntegrityError:  # the same event came to another process just now
                return "again"
        elif row.state != State.TAKEN:
            return "again"
        _settle(row, event, fault)
        if row.state != State.DONE:
            row.body, row.carried = kept(message)
        row.save()
        return row.state


def _may_begin(source: str, message: Message, event: Event) -> bool:
    """Count that it is begun, in a transaction of its own; False when it was begun too often."""
    with transaction.atomic():
        known = _identity(source, message, event)
        row, _ = InboxEvent.objects.get_or_create(**known, defaults=_first(source, message, event))
        if row.state != State.TAKEN:
            return True
        row.tries += 1
        row.body, row.carried = kept(message)
        if row.tries > DEADLY:
            row.state = State.PARKED
            row.reason = f"It was begun {DEADLY} times and never ended: it may kill the process that takes it."
        row.save(update_fields=["tries", "state", "reason", "body", "carried"])
        return row.state == State.TAKEN


def _identity(source: str, message: Message, event: Event | None) -> dict[str, str]:
    if event is None:
        return {"source": source, "origin": "", "event_id": message.fingerprint}
    return {"source": source, "origin": event.source, "event_id": event.id}


def _first(source: str, message: Message, event: Event | None) -> dict[str, Any]:
    return {
        "type": event.type if event else clean_text(message.type, 100),
        "tenant": _settings(source).get("tenant", "default"),
        "at": clock.now(),
    }


def _settings(source: str) -> Mapping[str, Any]:
    return conf().event_sources.get(source, {})


def _settle(row: InboxEvent, event: Event | None, fault: str) -> None:
    """Try it, and note in its row what became of it."""
    now = clock.now()
    row.due_at = row.ended_at = None
    row.reason = fault
    if event is None:
        row.state = State.PARKED
    else:
        try:
            with transaction.atomic():
                row.saga = _apply(row, event)
            row.state, row.ended_at, row.until = State.DONE, now, None
            row.body, row.carried = b"", {}
        except NotThereYet as error:
            _wait(row, event, now, str(error))
        except Parked as error:
            row.state, row.reason = State.PARKED, clean_text(str(error), 500)


def _apply(row: InboxEvent, event: Event) -> UUID | None:
    """All routes of the event, in one transaction; the saga that the last one was about."""
    found = routes.of(event.type)
    if not found:
        raise Parked(f"No on_event(...) is for {event.type!r}; declare one beside a saga and replay, or drop it.")
    about = None
    for route in found:
        about = _follow(route, event, row)
    return about


def _follow(route: Route, event: Event, row: InboxEvent) -> UUID:
    given: dict[str, Any] = {"actor": f"event:{row.source}"[:150], "tenant": row.tenant}
    key = _asked(route, "key", event, None)
    if key is not None and not isinstance(key, str):
        key = str(key)
    try:
        if route.start:
            wish: dict[str, Any] = {"business_key": key, "on_duplicate": route.on_duplicate}
            return operations.start(route.start, _asked(route, "input", event, event.data), **given, **wish).saga.pk
        payload = _asked(route, "payload", event, event.data)
        if not key:
            raise Parked(f"on_event({route.type!r}): key= gave no business key, so no saga can be found.")
        told = operations.signal_by_key(
            route.definition, key, route.signal, payload, id=_signal_id(event, route), **given
        )
        return told.saga.pk
    except NotFound as error:
        if route.park_for is None:
            raise Parked(f"{error} Say park_for= if it may come before its saga.") from None
        raise NotThereYet(str(error)) from None
    except InvalidInput as error:
        raise Parked(error.in_full(5)) from None
    except SagaError as error:
        raise Parked(str(error)) from None


def _asked(route: Route, name: str, event: Event, default: Any) -> Any:
    """What a function of the route says. Raises `Parked` when it cannot cope with the event."""
    function = getattr(route, name)
    if function is None:
        return default
    try:
        return function(event)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        hide = any(table.is_sensitive for table in registry.everything() if table.name == route.definition)
        said = "what it says is not kept, since its saga has sensitive fields." if hide else words_of(error)
        raise Parked(
            f"on_event({route.type!r}): its {name}= failed on this event: {type(error).__name__}: {said}"
        ) from None


def _signal_id(event: Event, route: Route) -> str:
    """Under which the signal is known, so that the same event is the same signal."""
    whole = f"{event.source}#{event.id}"
    return whole if len(whole) <= 255 else hashlib.sha256(whole.encode()).hexdigest()


def _wait(row: InboxEvent, event: Event, now: datetime, why: str) -> None:
    longest = max(route.park_for for route in routes.of(event.type) if route.park_for is not None)
    row.until = row.until or now + longest
    if row.until <= now:
        row.state, row.reason = State.PARKED, clean_text(f"{why} It has waited for that until now.", 500)
        return
    pause = min(max(FIRST_LOOK, (now - row.at) / 4), LONGEST_PAUSE)
    row.state, row.reason, row.due_at = State.WAITING, clean_text(why, 500), min(now + pause, row.until)


def look_again() -> int:
    """Try what waits for its saga, one transaction each; how many were looked at. Any number of processes may."""
    with borrowed():
        due = list(InboxEvent.objects.waiting(clock.now()).values_list("pk", flat=True)[:BATCH])
    return sum(_look(pk) for pk in due)


def _look(pk: int) -> int:
    with borrowed(), transaction.atomic():
        row = InboxEvent.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=pk).first()
        if row is None or row.state != State.WAITING or row.due_at is None or row.due_at > clock.now():
            return 0
        try_again(row)
        return 1


def try_again(row: InboxEvent) -> None:
    """Do what an event says that is stored, as if it came now; its row is locked by the caller."""
    try:
        event, fault = parse(message_of(row)), ""
    except (Malformed, Unreadable) as error:
        event, fault = None, str(error)
    _settle(row, event, fault)
    row.save()


def forget(before: datetime, most: int = 1000) -> int:
    """Remove some of what was done, or dropped, before then. The same event would be taken for a new one after that."""
    with borrowed():
        old = InboxEvent.objects.filter(state__in=[State.DONE, State.DROPPED], ended_at__lt=before)
        found = list(old.order_by("ended_at").values_list("pk", flat=True)[:most])
        if found:
            InboxEvent.objects.filter(pk__in=found).delete()
        return len(found)
