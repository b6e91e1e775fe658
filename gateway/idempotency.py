"""The same request under the same `Idempotency-Key` gets the same answer, and its effect once.

    with idempotency.remembered(caller, "start saga", idempotency.key_of(request), request.data) as memory:
        if memory.answer:
            return memory.answer.response()
        saga = start(...)
        memory.keep(201, {"id": str(saga.id)})

The block is one transaction: key, answer and whatever is created in it are committed together or not at all. A request
that is refused, because the block raises, is not remembered.

A body is not kept, only a keyed hash of it (`gateway.keyed`): enough to know it again, and of no use to whoever reads
the table. Keys are forgotten after `GATEWAY["IDEMPOTENCY_KEPT"]`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connections, router, transaction
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import conf, keyed, turns
from gateway.callers import Caller
from gateway.models import IdempotencyKey
from gateway.problems import LOCK_NOT_AVAILABLE, Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST = 255

CALLED_OFF = ""
"""The fingerprint of a key under which nothing happens any more."""

_ALLOWED = re.compile(rf"[\x21-\x7e]{{1,{LONGEST}}}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was given before."""

    status: int
    body: Any

    def response(self) -> Response:
        """The answer again, marked as a repetition."""
        return Response(self.body, self.status, headers={REPLAYED: "true"})


class Memory:
    """What is known of this request: the earlier `answer`, or None, and then a place to keep the one being made."""

    def __init__(self, row: IdempotencyKey | None, answer: Answer | None = None) -> None:
        self._row = row
        self.answer = answer
        self.kept = False

    def keep(self, status: int, body: Any) -> None:
        """Remember the answer, once; `body` is JSON and small: what it takes to answer again."""
        self.kept = True
        if self._row is not None and (self._row.status, self._row.answer) != (status, body):
            self._row.status, self._row.answer = status, body
            self._row.save(update_fields=["status", "answer"])


_FIELDS = IdempotencyKey._meta.concrete_fields
# SQLite tells the ON CONFLICT of an upsert from that of a join by the WHERE before it.
_INSERT = f"""
INSERT INTO {IdempotencyKey._meta.db_table} ({", ".join(str(field.column) for field in _FIELDS)})
SELECT {", ".join(["%s"] * len(_FIELDS))}{{patience}} WHERE true
ON CONFLICT DO NOTHING RETURNING id
"""


def key_of(request: Request | HttpRequest) -> str | None:
    """The request's key, None when it has none. Raises a 400 problem for one that is too long or not printable."""
    key: str | None = request.headers.get(HEADER)
    return key if key is None else checked_key(key)


def checked_key(key: str) -> str:
    """The key as it is. Raises a 400 problem for one that is too long or not printable."""
    if _ALLOWED.fullmatch(key):
        return key
    raise Problem(
        f"An {HEADER} takes 1 to {LONGEST} printable ASCII characters without spaces, for example a UUID.",
        code="idempotency_key_invalid",
    )


@contextmanager
def remembered(
    caller: Caller, scope: str, key: str | None, body: Any, *, likely: Answer | None = None
) -> Iterator[Memory]:
    """Open a transaction that runs once per caller, scope and key; without a key it is a transaction and no more.

    Who knows before what the answer is going to be says it as `likely`: then keeping that very answer costs nothing.

    Raises a 422 problem when the key was used with another body, and a 409 problem when the first request under it is
    still at work after two seconds: in this process that is waited for without a connection, in others with one. On
    PostgreSQL no other lock of the block is waited for any longer, either.
    """
    using = router.db_for_write(IdempotencyKey)
    if key is None:
        with transaction.atomic(using=using):
            yield from _kept(Memory(None))
        return
    with _turn(_place(caller, scope, key)) as rest, transaction.atomic(using=using):
        yield from _kept(_recall(using, caller, scope, key, body, likely, rest))


def _kept(memory: Memory) -> Iterator[Memory]:
    yield memory
    if memory.answer is None and not memory.kept:
        raise RuntimeError("The block ended without memory.keep(status, body); nothing of it was committed.")


@contextmanager
def _turn(place: Mapping[str, str]) -> Iterator[timedelta]:
    """What is left of the time to wait, when nobody in this process is at work under the key any more."""
    through = ExitStack()
    try:
        rest = through.enter_context(turns.turn(tuple(place.values()), conf.current().IDEMPOTENCY_WAIT))
    except turns.TooLong:
        raise _at_work() from None
    with through:
        yield rest


def called_off(caller: Caller, scope: str, key: str) -> Answer | None:
    """The answer that was given under a key. None when there was none, and then there never will be.

    A request that comes under the key afterwards is refused with a 410 problem: it was overtaken by its own undoing.
    Raises a 409 problem while the first request under it is at work.
    """
    using = router.db_for_write(IdempotencyKey)
    place = _place(caller, scope, key)
    with _turn(place) as rest, transaction.atomic(using=using):
        known = _claimed(using, IdempotencyKey(**place, fingerprint=CALLED_OFF, status=410), rest)
    return None if known.fingerprint == CALLED_OFF else Answer(known.status, known.answer)


def _recall(
    using: str, caller: Caller, scope: str, key: str, body: Any, likely: Answer | None, rest: timedelta
) -> Memory:
    place = _place(caller, scope, key)
    prints = _fingerprints(place, body)
    expected = {"status": likely.status, "answer": likely.body} if likely is not None else {}
    mine = IdempotencyKey(**place, fingerprint=prints[0], **expected)
    known = _claimed(using, mine, rest)
    if known.id == mine.id:
        return Memory(known)
    if known.fingerprint == CALLED_OFF:
        raise Problem("It was called off before it came; nothing was done.", status=410, code="called_off")
    if known.fingerprint not in prints:
        raise Problem(
            f"The key in {HEADER} was used before with another body; send the same body, or a new key.",
            status=422,
            code="idempotency_key_reused",
        )
    return Memory(known, Answer(known.status, known.answer))


def _fingerprints(place: Mapping[str, str], body: Any) -> list[str]:
    """By which a body is known again under its key: the same for the same JSON, whatever its order and spaces."""
    whole = json.dumps([place, body], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return keyed.hashes("gateway.idempotency", whole.encode())


def _place(caller: Caller, scope: str, key: str) -> dict[str, str]:
    return {"tenant": caller.tenant, "caller": caller.name, "scope": scope, "key": key}


def _claimed(using: str, mine: IdempotencyKey, rest: timedelta) -> IdempotencyKey:
    """The row of this key: mine, or the one that was there first."""
    if _insert(using, mine, rest):
        mine._state.adding, mine._state.db = False, using
        return mine
    place = {"tenant": mine.tenant, "caller": mine.caller, "scope": mine.scope, "key": mine.key}
    known = IdempotencyKey.objects.using(using).filter(**place).first()
    if known is None:  # the clean-up took it between the two statements
        raise _at_work()
    return known


def _insert(using: str, row: IdempotencyKey, rest: timedelta) -> bool:
    """Insert the row unless there is one. The unique index makes the second of two requests wait for the first."""
    connection = connections[using]
    given: list[Any] = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in _FIELDS]
    patience = ""
    if connection.vendor == "postgresql":
        wait = max(1, int(rest.total_seconds() * 1000))  # 0 would be for ever
        patience, given = " FROM set_config('lock_timeout', %s, true)", [*given, f"{wait}ms"]
    try:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT.format(patience=patience), given)
            return cursor.fetchone() is not None
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise _at_work() from None
        raise


def _at_work() -> Problem:
    return Problem(
        f"The first request with this {HEADER} is still at work; send it again in a moment.",
        status=409,
        code="idempotency_key_at_work",
        retry_after=conf.current().IDEMPOTENCY_WAIT,
    )
