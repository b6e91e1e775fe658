"""What all verbs share: their own saga, under its lock, with a reason, not from a stale page, and written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from uuid import UUID

from sagas.engine.dispatch import ring_after_commit
from sagas.errors import DefinitionUnknown, NotAllowed, NotFound
from sagas.models import Run, Saga
from sagas.operations.allowing import allowed
from sagas.operations.audit import the_reason, write_down
from sagas.operations.second import must_be_approved
from sagas.record.locked import turn
from sagas.record.turn import Turn

STALE = "Something was decided about this saga since you looked at it; look again."


@contextmanager
def verb(
    saga_id: UUID,
    name: str,
    *,
    actor: str,
    reason: str,
    tenant: str,
    expect: int | None = None,
    path: str = "",
    item: int = 0,
    details: dict[str, Any] | None = None,
) -> Iterator[Turn]:
    """A turn for a person or a service, with an audit entry if anything moved.

    `expect` is the saga's counter of decisions as the caller saw it. Raises `InvalidInput` without a reason,
    `NotFound`, or `NotAllowed` with the codes `stale_page`, `definition_unknown` and `needs_second_person`.
    """
    must_be_approved(name)
    why = the_reason(reason, name)
    try:
        with turn(saga_id, actor) as t:
            if t.saga.tenant != tenant:
                raise Saga.DoesNotExist
            if expect is not None and t.saga.decisions != expect:
                refuse(t, STALE, "stale_page")
            yield t
            if t.moves:
                t.verb = name
                t.derive()
                t.flush()
                t.saga.decisions += 1
                about: dict[str, Any] = {"saga": t.saga.pk, "path": path, "item": item, "details": details, "at": t.now}
                write_down(name, actor=actor, why=why, tenant=tenant, **about)
                ring_after_commit(t)
    except Saga.DoesNotExist:
        raise NotFound(f"There is no saga {saga_id}.") from None
    except DefinitionUnknown as error:
        raise NotAllowed(str(error), code="definition_unknown") from None


def refuse(t: Turn, sentence: str, code: str) -> NoReturn:
    """Raises `NotAllowed` with what is allowed instead."""
    raise NotAllowed(sentence, code=code, allowed=allowed(t.saga))


def must_be_live(t: Turn) -> None:
    """Raises `NotAllowed` (code `ended`) for a saga that has ended."""
    if t.saga.ended_at:
        refuse(t, f"The saga has ended: it is {t.saga.state}.", "ended")


def the_run(t: Turn, step: str, item: int) -> Run:
    """The run of that row. Raises `NotAllowed` (code `no_such_step`) with the rows that there are."""
    run = t.run(path=step, item=item)
    if run is None or run.kind == Run.Kind.MESSAGE:
        names = Run.objects.filter(saga_id=t.saga.pk).exclude(kind=Run.Kind.MESSAGE).values_list("path", flat=True)
        there_are = ", ".join(sorted(set(names))[:20]) or "none yet"
        number = f" item {item}" if item else ""
        refuse(t, f"The saga has no step {step!r}{number}; there are: {there_are}.", "no_such_step")
    return run
