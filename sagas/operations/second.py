"""What one person alone may not do: it is asked for, and another person approves or refuses it.

`SAGAS["SECOND_PERSON_FOR"]` names verbs, such as `give_up`; `SAGAS["SECOND_PERSON_OVER"]` is how many sagas one person
may decide about at once. The verbs themselves refuse (`must_be_approved`), so no door can leave it out.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any
from uuid import UUID

from django.db import transaction

from sagas.conf import conf
from sagas.errors import InvalidInput, NotAllowed, NotFound, SagaError
from sagas.models import Proposal, Saga
from sagas.models.saga import SagaQuerySet
from sagas.operations.audit import signed, the_reason, write_down
from sagas.record import clock

GRAVE = frozenset({"cancel", "compensate", "give_up"})
"""What cannot be taken back; people say once more who they are before they do it."""

ASKABLE = GRAVE | {"waive"}
"""What can be asked for on one saga."""

_settled: ContextVar[bool] = ContextVar("whether a second person has approved, or nothing is done", default=False)


def needs_another(verb: str, count: int = 1) -> bool:
    """Does that verb, on so many sagas, need a second person?"""
    most = conf().second_person_over
    return (verb in ASKABLE and verb in conf().second_person_for) or (most is not None and count > most)


def must_be_approved(verb: str, count: int = 1) -> None:
    """Raises `NotAllowed` (code `needs_second_person`) for what nobody has approved."""
    if not _settled.get() and needs_another(verb, count):
        what = f"{verb.replace('_', ' ')} of {count} sagas" if count > 1 else verb.replace("_", " ")
        sentence = f"A second person must approve {what} here: ask for it, and somebody else decides."
        raise NotAllowed(sentence, code="needs_second_person", allowed=["ask"])


@contextmanager
def settled() -> Iterator[None]:
    """Within this context nothing is asked: it was approved, or is only looked at."""
    token = _settled.set(True)
    try:
        yield
    finally:
        _settled.reset(token)


def ask(
    verb: str,
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    tenant: str,
    expect: int | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Proposal:
    """Ask for a verb on one saga; it must fit as the saga stands. Raises what the verb raises."""
    given = dict(arguments or {})
    why = the_reason(reason)
    if verb not in ASKABLE:
        fault = f"is not one of {', '.join(sorted(ASKABLE))}"
        raise InvalidInput(f"{verb} cannot be asked for.", errors=[{"pointer": "/verb", "detail": fault}])
    preview = import_module("sagas.operations.previewing").preview
    preview(verb, saga_id, **given, actor=actor, reason=why, tenant=tenant, expect=expect)
    saga = Saga.objects.get(pk=saga_id)
    about = {"saga": saga, "definitions": [saga.definition], "decisions": saga.decisions if expect is None else expect}
    return _keep(verb, actor, why, tenant, arguments=given, **about)


def ask_bulk(
    verb: str,
    sagas: SagaQuerySet,
    *,
    actor: str,
    reason: str,
    tenant: str,
    rate: int,
    selection: Mapping[str, Any],
    arguments: Mapping[str, Any] | None = None,
) -> Proposal:
    """Ask for a verb on many sagas, those that are chosen now. Raises `InvalidInput`."""
    why = the_reason(reason)
    rows = list(import_module("sagas.operations.bulk").chosen(sagas).values_list("pk", "definition"))
    about: dict[str, Any] = {"sagas": [str(pk) for pk, _ in rows], "definitions": sorted({name for _, name in rows})}
    about |= {"selection": dict(selection), "rate": rate, "arguments": dict(arguments or {})}
    return _keep(verb, actor, why, tenant, **about)


def approve(
    proposal_id: UUID, *, actor: str, reason: str, tenant: str, definitions: Collection[str] | None = None
) -> Proposal:
    """Do what another person asked for, if it still fits; the audit names both.

    Raises `NotFound`, `InvalidInput`, `NotAllowed` with the codes `own_proposal` and `decided`, and what the verb
    raises: then the proposal is outdated.
    """
    why = the_reason(reason)
    try:
        with transaction.atomic():
            found = _open(proposal_id, tenant, definitions, actor)
            both = f"{found.reason} (approved by {actor}: {why})"
            with settled():
                _carry_out(found, both)
            return _decide(found, Proposal.State.DONE, actor, why)
    except SagaError as error:
        if isinstance(error, NotAllowed) and error.code not in ("own_proposal", "decided"):
            with transaction.atomic():
                _decide(_open(proposal_id, tenant, definitions, actor), Proposal.State.OUTDATED, actor, str(error))
        raise


def refuse(
    proposal_id: UUID, *, actor: str, reason: str, tenant: str, definitions: Collection[str] | None = None
) -> Proposal:
    """Say no to what somebody asked for; who asked may take it back so. Raises as `approve`."""
    why = the_reason(reason)
    with transaction.atomic():
        found = _open(proposal_id, tenant, definitions, "")
        return _decide(found, Proposal.State.REFUSED, actor, why)


def _carry_out(found: Proposal, why: str) -> None:
    about = {"actor": found.asked_by, "reason": why, "tenant": found.tenant}
    if found.saga_id is not None:
        act = getattr(import_module("sagas.operations"), found.verb)
        act(found.saga_id, **found.arguments, **about, expect=found.decisions)
        return
    begin = import_module("sagas.operations.bulk").begin_bulk
    chosen = Saga.objects.filter(tenant=found.tenant, pk__in=found.sagas)
    more = {"rate": found.rate, "selection": found.selection, "arguments": found.arguments}
    found.operation = begin(found.verb, chosen, **about, **more)


def _open(proposal_id: UUID, tenant: str, definitions: Collection[str] | None, actor: str) -> Proposal:
    """The proposal, locked, if that person may decide it now."""
    found = Proposal.objects.select_for_update(of=("self",)).filter(pk=proposal_id, tenant=tenant).first()
    if found is None or (definitions is not None and not set(found.definitions) <= set(definitions)):
        raise NotFound(f"There is no proposal {proposal_id}.")
    if found.state != Proposal.State.OPEN:
        raise NotAllowed(f"It is decided already: {found.get_state_display()}, by {found.decided_by}.", code="decided")
    if found.expires_at <= clock.now():
        raise NotAllowed("Nobody decided in time: it has expired. Ask anew.", code="decided")
    if _name(signed(actor)) == _name(found.asked_by):
        raise NotAllowed("You asked for it yourself; somebody else must approve it.", code="own_proposal")
    return found


def _name(actor: str) -> str:
    """Whoever asks at a terminal and approves in the console is one person, and has one name."""
    return actor.partition(":")[2] or actor


def _decide(found: Proposal, state: Proposal.State, actor: str, why: str) -> Proposal:
    found.state, found.decided_by, found.decided_why = state, signed(actor), why
    found.decided_at = clock.now()
    found.save(update_fields=["state", "decided_by", "decided_why", "decided_at", "operation"])
    verb = {Proposal.State.DONE: "approve", Proposal.State.REFUSED: "refuse"}.get(state, "approve")
    _note(found, verb, actor, why, {"asked_by": found.asked_by, "came": str(state)})
    return found


def _keep(verb: str, actor: str, why: str, tenant: str, **about: Any) -> Proposal:
    now = clock.now()
    with transaction.atomic():
        times = {"asked_at": now, "expires_at": now + conf().second_person_within}
        found = Proposal.objects.create(tenant=tenant, verb=verb, asked_by=signed(actor), reason=why, **times, **about)
        _note(found, "ask", actor, why, {})
    return found


def _note(found: Proposal, verb: str, actor: str, why: str, details: dict[str, Any]) -> None:
    about = {"proposal": str(found.pk), "verb": found.verb, "sagas": found.count, **details}
    write_down(verb, actor=actor, why=why, tenant=found.tenant, saga=found.saga_id, details=about)
