"""The outside tells a saga something: `signal`, to a saga or to whoever holds a business key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from gateway import vault
from sagas.engine.dispatch import ring_after_commit
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Run, Saga, Signal, Work
from sagas.operations.allowing import allowed
from sagas.operations.fitting import faults_of_input, fitting, kept
from sagas.operations.starting import start
from sagas.record.commit import commit
from sagas.record.locked import turn
from sagas.record.payload import Unstorable, pack, text, unpack
from sagas.record.sealing import holds_sealed, sealed
from sagas.record.turn import Turn
from sagas.record.waiting import first_opened, take_signal
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.rows import Wait

LONGEST_ID = 255
LONGEST_NAME = 63
KEY_RACES = 5


@dataclass(frozen=True, kw_only=True)
class Signalled:
    """A signal that is stored. `taken`: a wait has taken it; `replayed`: it was stored before, under the same id."""

    saga: Saga
    signal: Signal
    replayed: bool
    taken: bool


def signal(
    saga_id: UUID,
    name: str,
    payload: Any = None,
    *,
    actor: str,
    id: str | None = None,  # noqa: A002 - the word that senders use
    tenant: str = "default",
) -> Signalled:
    """Tell a saga something; it is stored, and the saga woken, in one transaction, whatever the saga does just then.

    It is kept until a wait of that name takes it, first in, first out. The same `id` with the same payload is the same
    signal. Raises `NotFound`, `InvalidInput` for a payload that does not fit, or `NotAllowed` with the codes `ended`
    (it is stored as late) and `signal_conflict` (the id was used with another payload).
    """
    _check_name(name)
    packed, dedup_id = _packed(payload), None if id is None else _checked_id(id)
    try:
        with turn(saga_id, actor) as t:
            if t.saga.tenant != tenant:
                raise Saga.DoesNotExist
            told = _store(t, name, packed, dedup_id)
            ring_after_commit(t)
    except Saga.DoesNotExist:
        raise NotFound(f"There is no saga {saga_id}.") from None
    if told.signal.flag == Signal.Flag.LATE:
        sentence = (
            f"The saga has ended: it is {told.saga.state}. The signal is stored as late, and nothing waits for it."
        )
        raise NotAllowed(sentence, code="ended", allowed=allowed(told.saga))
    return told


def signal_by_key(
    definition: str,
    business_key: str,
    name: str,
    payload: Any = None,
    *,
    actor: str,
    id: str | None = None,  # noqa: A002 - the word that senders use
    tenant: str = "default",
    start_if_missing: Mapping[str, Any] | None = None,
) -> Signalled:
    """Tell the open saga that holds a business key; without one, begin it first if `start_if_missing` says how.

    `start_if_missing` holds keywords of `start`, such as {"input": …}; saga and signal are then stored in one
    transaction. Raises like `signal` and `start`; `NotFound` when no open saga holds the key.
    """
    for _ in range(KEY_RACES):
        holder = Saga.objects.of_tenant(tenant).holding(definition, business_key).first()
        if holder is None and start_if_missing is None:
            raise NotFound(f"No open saga {definition!r} holds the business key {business_key!r}.")
        try:
            with commit():
                if holder is None:
                    options = {**(start_if_missing or {}), "on_duplicate": "return"}
                    holder = start(definition, actor=actor, tenant=tenant, business_key=business_key, **options).saga
                return signal(holder.pk, name, payload, actor=actor, id=id, tenant=tenant)
        except NotAllowed as error:
            if error.code != "ended":  # it ended in between: the next one may hold the key
                raise
    raise NotAllowed(f"The business key {business_key!r} changes hands too fast; try again.", code="duplicate")


def _store(t: Turn, name: str, payload: Any, dedup_id: str | None) -> Signalled:
    table = registry.find(t.saga.definition, t.saga.version, t.saga.fingerprint)
    rows = _waiting_for(table, name)
    stored = _kept(table, rows, payload)
    known = Signal.objects.filter(saga_id=t.saga.pk, name=name, dedup_id=dedup_id)
    before = known.first() if dedup_id else None
    if before is not None:
        if not _is_same(before, stored):
            sentence = f"A signal {name!r} with the id {dedup_id!r} came before, with another payload."
            raise NotAllowed(sentence, code="signal_conflict", allowed=allowed(t.saga))
        return Signalled(saga=t.saga, signal=before, replayed=True, taken=before.taken_by_id is not None)
    signal = Signal.objects.create(
        saga_id=t.saga.pk,
        name=name,
        dedup_id=dedup_id or uuid4().hex,
        body_hash=_hash(stored),
        payload=stored,
        sender=t.actor,
        at=t.now,
        flag=_flag(t, table, rows, payload),
    )
    t.moves.append({"signal": name, "did": "stored", "id": signal.dedup_id, "flag": signal.flag})
    taken = not signal.flag and _wake(t, table, name)
    return Signalled(saga=t.saga, signal=signal, replayed=False, taken=taken)


def _waiting_for(table: Definition | None, name: str) -> list[Wait]:
    rows = (place.row for place in table.walk()) if table is not None else ()
    return [row for row in rows if isinstance(row, Wait) and row.signal == name]


def _kept(table: Definition | None, rows: list[Wait], payload: Any) -> Any:
    """A process that does not know the table cannot know what of it is sensitive, either."""
    if table is None and vault.has_keys():
        return sealed(payload)
    return kept(rows[0], payload) if rows else payload


def _is_same(before: Signal, stored: Any) -> bool:
    """Was this sent under the same id? Of what is sealed no hash is kept, by which it could be guessed."""
    if before.body_hash:
        return before.body_hash == _hash(stored)
    return bool(unpack(before.payload) == unpack(stored))


def _hash(stored: Any) -> str:
    if holds_sealed(stored):
        return ""
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def _flag(t: Turn, table: Definition | None, rows: list[Wait], payload: Any) -> str:
    if t.saga.ended_at:
        return Signal.Flag.LATE
    if table is None:
        return ""
    for row in rows[:1]:
        try:
            if row.schema is not None:
                fitting(row.schema, payload, "/payload")
        except ValidationError as error:
            faults = faults_of_input(error, row.schema, "/payload")
            raise InvalidInput(f"The payload does not fit the signal {row.signal!r}.", errors=faults) from None
    return "" if rows else Signal.Flag.UNEXPECTED


def _wake(t: Turn, table: Definition | None, name: str) -> bool:
    """The wait that was opened first takes it; a process that does not know the table asks one that does."""
    if table is None:
        t.send(t.saga.pk, "look", t.saga.rev, {"verb": "look", "by": t.actor})
        return False
    rows = {place.path for place in table.walk() if isinstance(place.row, Wait) and place.row.signal == name}
    waits = t.runs(work=Work.WAITING, kind=Run.Kind.WAIT, path__in=rows)
    return any(take_signal(t, run) for run in first_opened(waits)[:1])


def _packed(payload: Any) -> Any:
    try:
        return pack(payload)
    except Unstorable as error:
        fault = [{"pointer": "/payload", "detail": str(error)}]
        raise InvalidInput(f"The payload cannot be stored: {error}", errors=fault) from None


def _check_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME or text(name, LONGEST_NAME) != name:
        fault = f"must have 1 to {LONGEST_NAME} characters, without U+0000 and halves of surrogate pairs"
        raise InvalidInput(f"The signal's name {fault}.", errors=[{"pointer": "/name", "detail": fault}])


def _checked_id(given: str) -> str:
    if not 0 < len(given) <= LONGEST_ID or text(given, LONGEST_ID) != given:
        fault = f"must have 1 to {LONGEST_ID} characters, without U+0000 and halves of surrogate pairs"
        raise InvalidInput(f"The signal's id {fault}.", errors=[{"pointer": "/id", "detail": fault}])
    return given
