"""A person says yes or no: `decide`."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from sagas.errors import InvalidInput
from sagas.models import Run, Saga, Work
from sagas.operations.fitting import faults_of_input, fitting, kept
from sagas.operations.verb import must_be_live, refuse, the_run, verb
from sagas.record.payload import Unstorable, pack, text
from sagas.record.turn import Turn
from sagas.record.waiting import answer
from sagas.words.lifecycle import StepState
from sagas.words.rows import Approval


def decide(
    saga_id: UUID,
    *,
    step: str,
    approved: bool,
    actor: str,
    reason: str,
    form: Any = None,
    tenant: str = "default",
    expect: int | None = None,
    groups: Collection[str] | None = None,
) -> Saga:
    """Decide an open approval; the first decision counts.

    `groups` are the decider's, None for one who is trusted. Raises `NotFound`, `InvalidInput` for a form that does not
    fit, or `NotAllowed` with the codes `decided` (it says who or what decided), `no_approval`, `not_open`,
    `not_in_group`.
    """
    with verb(saga_id, "decide", actor=actor, reason=reason, tenant=tenant, expect=expect, path=step) as t:
        run = the_run(t, step, 0)
        row = t.row(run)
        if not isinstance(row, Approval):
            refuse(t, f"{step} is a {row.kind}, not an approval.", "no_approval")
        if run.state == StepState.DUE and not t.saga.ended_at:
            refuse(t, f"{step} is not open yet: whether it is needed is being decided.", "not_open")
        if run.work != Work.WAITING or run.given:
            refuse(t, f"{step} is decided: {_by_whom(run)}.", "decided")
        must_be_live(t)
        if groups is not None and row.group and row.group not in groups:
            refuse(t, f"{step} is for the group {row.group!r}, and you are not in it.", "not_in_group")
        _keep(t, run, {"approved": approved, "by": actor, "reason": text(reason), "form": _filled(row, approved, form)})
    return t.saga


def _keep(t: Turn, run: Run, decision: dict[str, Any]) -> None:
    decision["at"] = t.now.isoformat()
    if t.saga.paused_at:
        run.given = decision
        t.move(run, "decided", about={"approved": decision["approved"], "kept": True})
    else:
        answer(t, run, decision)
        t.move(run, "decided", about={"approved": decision["approved"]})


def _filled(row: Approval, approved: bool, form: Any) -> Any:
    try:
        if row.form is None or not approved:
            return kept(row, _packed(form))
        return _packed(fitting(row.form, form if form is not None else {}, "/form"))
    except ValidationError as error:
        faults = faults_of_input(error, row.form, "/form")
        raise InvalidInput(f"The form does not fit {row.name}.", errors=faults) from None
    except Unstorable as error:
        raise InvalidInput(f"The form cannot be stored: {error}") from None


def _packed(form: Any) -> Any:
    """The form as it is stored: within the row's result, which has bounds of its own."""
    return pack({"form": form})["form"]


def _by_whom(run: Run) -> str:
    if run.given:
        said = "yes" if run.given.get("approved") else "no"
        return f"{run.given.get('by')} said {said} at {run.given.get('at')}"
    if run.state == StepState.TIMED_OUT:
        return "its time was over"
    return f"it is {run.state}"
