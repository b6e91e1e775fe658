"""A new saga like one that has ended: `clone`."""

from typing import Any
from uuid import UUID

from sagas.errors import NotAllowed, NotFound
from sagas.models import Saga
from sagas.operations.allowing import allowed, effects_in_place
from sagas.operations.audit import the_reason, write_down
from sagas.operations.beginning import Started
from sagas.operations.difference import difference
from sagas.operations.starting import start
from sagas.operations.verb import STALE
from sagas.record.commit import commit
from sagas.record.payload import unpack
from sagas.record.sealing import restored
from sagas.words.results import UNCHANGED


def clone(
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    tenant: str = "default",
    expect: int | None = None,
    input: Any = UNCHANGED,
    confirm_effects: bool = False,
    business_key: str | None = None,
) -> Started:
    """A new saga like one that has ended, with the same input or an edited one, on the newest version.

    Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `live` and `effects_in_place`: effects of the
    original are still there, and `confirm_effects` says that this is known.
    """
    original = Saga.objects.of_tenant(tenant).filter(pk=saga_id).first()
    if original is None:
        raise NotFound(f"There is no saga {saga_id}.")
    why = the_reason(reason, "clone")
    if not original.ended_at:
        raise NotAllowed(
            "The saga has not ended; only one that has can be cloned.", code="live", allowed=allowed(original)
        )
    if expect is not None and expect != original.decisions:
        raise NotAllowed(STALE, code="stale_page")
    left = [run.path for run in effects_in_place(original)]
    if left and not confirm_effects:
        sentence = (
            f"Effects of saga {saga_id} are still in place: {', '.join(left)}. Confirm that they may be there twice."
        )
        raise NotAllowed(sentence, code="effects_in_place", allowed=allowed(original))
    with commit():
        started = start(
            original.definition,
            unpack(original.input) if input is UNCHANGED else restored(input, original.input),
            actor=actor,
            tenant=tenant,
            business_key=business_key,
            on_duplicate="refuse",
            labels=original.labels,
            priority=original.priority,
            cloned_from=original.pk,
        )
        edited = {} if input is UNCHANGED else {"diff": difference(original.input, started.saga.input)}
        details = {"clone": str(started.saga.pk), **edited}
        write_down("clone", actor=actor, why=why, tenant=tenant, saga=original.pk, details=details)
    return started
