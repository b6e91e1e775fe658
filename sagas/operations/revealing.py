"""A person sees what is sensitive in a saga, and that they did is written down first: `reveal`."""

from typing import Any, Literal, get_args
from uuid import UUID

from sagas.errors import InvalidInput, NotFound
from sagas.models import Run, Saga
from sagas.operations.audit import the_reason, write_down
from sagas.record.commit import commit
from sagas.record.payload import unpack
from sagas.record.sealing import holds_sealed

What = Literal["input", "result", "given", "late", "progress", "signal"]
OF_A_STEP = ("result", "given", "late", "progress")


def reveal(
    saga_id: UUID,
    *,
    what: What,
    actor: str,
    reason: str,
    step: str = "",
    item: int = 0,
    signal: str = "",
    id: str = "",  # noqa: A002 - the word that senders use
    revision: int | None = None,
    tenant: str = "default",
) -> Any:
    """What is stored there, with all that is sealed in it open.

    `what`: the saga's "input", or a `revision` of it that was edited since; of a `step` its "result", what it was
    "given", what came "late", its "progress"; of a "signal", by its name and its sender's id, the payload. Nothing is
    shown before the audit has it. Raises `NotFound`, `InvalidInput`, or `gateway.vault.Unreadable`.
    """
    why = the_reason(reason, "reveal")
    if what not in get_args(What):
        fault = f"must be one of {', '.join(get_args(What))}"
        raise InvalidInput(f"What is to be seen {fault}.", errors=[{"pointer": "/what", "detail": fault}])
    saga = Saga.objects.of_tenant(tenant).filter(pk=saga_id).first()
    if saga is None:
        raise NotFound(f"There is no saga {saga_id}.")
    stored, details = _stored(saga, what, step, item, signal, id, revision)
    value = unpack(stored)
    if holds_sealed(stored):
        with commit():
            about: dict[str, Any] = {"saga": saga.pk, "path": step, "item": item, "details": {"what": what, **details}}
            write_down("reveal", actor=actor, why=why, tenant=tenant, **about)
    return value


def _stored(
    saga: Saga, what: str, step: str, item: int, signal: str, dedup_id: str, revision: int | None
) -> tuple[Any, dict[str, Any]]:
    """What lies there, and how the audit names the place."""
    if what == "input" and (revision is None or revision == saga.input_rev):
        return saga.input, {}
    if what == "input" and revision is not None:
        found = saga.revisions.filter(rev=revision).values_list("input", flat=True)
        return _one(list(found), f"revision {revision} of its input"), {"revision": revision}
    if what == "signal":
        told = saga.signals.filter(name=signal, dedup_id=dedup_id).values_list("payload", flat=True)
        return _one(list(told), f"signal {signal!r} with the id {dedup_id!r}"), {"signal": signal, "id": dedup_id}
    runs = Run.objects.filter(saga_id=saga.pk, path=step, item=item).exclude(kind=Run.Kind.MESSAGE)
    return _one(list(runs.values_list(what, flat=True)), f"step {step!r}" + (f" item {item}" if item else "")), {}


def _one(found: list[Any], name: str) -> Any:
    if not found:
        raise NotFound(f"The saga has no {name}.")
    return found[0]
