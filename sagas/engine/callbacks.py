"""Who started a saga with a `callback_url` is told of its end: once, signed, and tried until it is taken.

    1. hand over  sagas that have ended give their address to a row that is worked off; once, whatever comes later
    2. tell       each row that is due: POST, signed as Standard Webhooks has it, to a public address

Called every two seconds in any number of processes at once. A receiver that answers 2xx has been told; since an answer
can be lost it may be told again, under the same `webhook-id`.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from gateway import calls, signatures
from gateway.borrowing import borrowed
from gateway.guard import Forbidden, Guard
from gateway.pauses import at_least, doubling
from sagas.conf import conf
from sagas.models import Callback, Saga
from sagas.record import clock

AT_ONCE = 20
HAND_OVER = 200
LEASE = timedelta(seconds=30)
"""How long a try may take before another process tries; longer than a call may last."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
TRIES = 20


def guard() -> Guard:
    """Which addresses may be called."""
    return Guard(allowed=tuple(conf().callback_networks))


def tell_ends() -> int:
    """Tell all that is due; returns how many were told."""
    _hand_over()
    with borrowed():
        due = list(Callback.objects.due(clock.now()).select_related("saga").order_by("at")[:AT_ONCE])
    return sum(_tell(callback) for callback in due if _taken(callback))


def _hand_over() -> None:
    with borrowed():
        ended = Saga.objects.filter(ended_at__isnull=False).exclude(callback_url="").order_by("ended_at")
        for pk, url in list(ended.values_list("pk", "callback_url")[:HAND_OVER]):
            with transaction.atomic():
                # Another process may be at it, too: one of the two empties the column.
                if Saga.objects.filter(pk=pk, callback_url=url).update(callback_url=""):
                    Callback.objects.bulk_create([Callback(saga_id=pk, url=url, at=clock.now())], ignore_conflicts=True)


def _taken(callback: Callback) -> bool:
    with borrowed():
        now = clock.now()
        mine = Callback.objects.due(now).filter(pk=callback.pk, tries=callback.tries)
        callback.tries += 1
        return bool(mine.update(at=now + LEASE, tries=callback.tries))


def _tell(callback: Callback) -> bool:
    body = json.dumps(_document(callback.saga)).encode()
    headers = signatures.signed(_secrets(), f"{callback.saga_id}.ended", body, timezone.now())
    headers |= {"Content-Type": "application/json"}
    if callback.saga.traceparent:
        headers["traceparent"] = callback.saga.traceparent
    status, error, after = None, "", None
    try:
        answer = calls.post(callback.url, body, headers=headers, guard=guard())
        status, after = answer.status, answer.retry_after
        error = "" if 200 <= status < 300 else f"It answered {status}."
    except (Forbidden, calls.NotReached, calls.Lost) as failure:
        error = str(failure)
    _note(callback, status, error, after)
    return not error


def _note(callback: Callback, status: int | None, error: str, after: timedelta | None) -> None:
    with borrowed():
        now = clock.now()
        over = not error or status == 410 or callback.tries >= TRIES
        mine = Callback.objects.filter(pk=callback.pk, tries=callback.tries)
        mine.update(
            status=status, error=error[:200], at=_next(now, callback.tries, after), done_at=now if over else None
        )


def _next(now: datetime, tries: int, after: timedelta | None) -> datetime:
    pause = doubling(tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    return now + at_least(after, pause, longest=LONGEST_PAUSE)


def _document(saga: Saga) -> dict[str, Any]:
    return {
        "type": "saga.ended",
        "id": str(saga.pk),
        "definition": saga.definition,
        "version": saga.version,
        "business_key": saga.business_key,
        "labels": saga.labels,
        "state": saga.state,
        "ended_at": saga.ended_at.isoformat() if saga.ended_at else None,
        "url": f"{conf().public_url.rstrip('/')}/api/v1/sagas/{saga.pk}/",
    }


def _secrets() -> tuple[str, ...]:
    return tuple(conf().callback_secrets) or (signatures.own_secret("sagas callback"),)
