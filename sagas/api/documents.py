"""How sagas, steps, incidents and the journal look to callers."""

from functools import cache
from typing import Any
from uuid import UUID

from django.urls import get_script_prefix, get_urlconf, reverse
from rest_framework.request import Request

from sagas import operations
from sagas.engine.explain import explain
from sagas.models import Callback, Incident, Journal, Run, Saga, Signal
from sagas.models.callback import without_query
from sagas.operations import Preview, Signalled
from sagas.record.payload import shown
from sagas.record.sight import FULL, Sight
from sagas.record.snapshot import Snapshot

PARTS = ("steps", "journal", "signals", "incidents")


def saga_document(
    saga: Saga, request: Request | None, sight: Sight = FULL, snapshot: Snapshot | None = None
) -> dict[str, Any]:
    """A saga in full: what it waits for and what can be done about it in `next` and `links`.

    It is for somebody with that `sight`, and changes the saga in memory where that is not full. `snapshot` is what is
    known of it already. A saga with more than `snapshot.MOST` steps shows the first; all are in its list of steps.
    """
    saga, snapshot = sight.look(saga), snapshot or Snapshot(saga)
    incidents = saga.incidents.open() if saga.open_incidents else []
    paused = {"by": saga.paused_by, "since": saga.paused_at, "why": saga.paused_why} if saga.paused_at else None
    return saga_line(saga, request) | {
        "next": explain(saga, sight, snapshot),
        "going": saga.going,
        "cause": saga.cause or None,
        "failure": saga.failure,
        "paused": paused,
        "input": shown(saga.input),
        "started_by": saga.started_by,
        "parent": str(saga.parent.saga_id) if saga.parent else None,
        "cloned_from": str(saga.cloned_from_id) if saga.cloned_from_id else None,
        "start_at": saga.start_at,
        "deadline_at": saga.deadline_at,
        "committed_at": saga.committed_at,
        "steps": [step_document(sight.look(run)) for run in snapshot.first_runs],
        "incidents": [incident_document(sight.look(one)) for one in incidents],
        "callback": callback_document(saga),
        "links": _links(saga, request, snapshot),
    }


def callback_document(saga: Saga) -> dict[str, Any] | None:
    """Whether whoever wanted to be told of its end was told; None where nobody did."""
    if saga.callback_url:  # it has not ended, or has just now
        return {"url": without_query(saga.callback_url), **UNTOLD}
    row = Callback.objects.filter(saga_id=saga.pk).first() if saga.ended_at else None
    if row is None:
        return None
    return {
        "url": row.address,
        "state": row.stands,
        "tries": row.tries,
        "status": row.status,
        "error": row.error or None,
        "next_at": row.at if row.done_at is None else None,
        "done_at": row.done_at,
    }


UNTOLD = {"state": "pending", "tries": 0, "status": None, "error": None, "next_at": None, "done_at": None}


def saga_line(saga: Saga, request: Request | None) -> dict[str, Any]:
    """A saga as it stands in a list."""
    return {
        "id": saga.pk,
        "definition": saga.definition,
        "version": saga.version,
        "business_key": saga.business_key,
        "state": saga.state,
        "needs_person": saga.open_incidents > 0,
        "labels": saga.labels,
        "priority": saga.priority,
        "created_at": saga.created_at,
        "updated_at": saga.updated_at,
        "ended_at": saga.ended_at,
        "url": address(saga, request),
    }


def step_document(run: Run) -> dict[str, Any]:
    """A step: its forward side, its way back, and what is known of its effect."""
    return {
        "step": run.path,
        "item": run.item,
        "kind": run.kind,
        "held": run.held,
        "parked_at": run.parked_at,
        "progress": shown(run.progress),
        "state": run.state,
        "undo": run.undo,
        "happened": run.happened,
        "work": run.work,
        "at": None if run.parked_at else run.at,
        "tries": run.tries,
        "key": run.action_key,
        "result": shown(run.result),
        "error": run.error or None,
        "code": run.code or None,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def incident_document(incident: Incident) -> dict[str, Any]:
    """Something that needs a person."""
    return {
        "id": incident.pk,
        "step": incident.path or None,
        "item": incident.item,
        "direction": incident.direction,
        "reason": incident.reason,
        "reason_code": incident.reason_code,
        "sentence": incident.sentence,
        "times": incident.times,
        "owner": incident.owner or None,
        "opened_at": incident.opened_at,
        "last_at": incident.last_at,
        "retried_at": incident.retried_at,
        "closed_at": incident.closed_at,
        "closed_as": incident.closed_as or None,
    }


def signal_document(signal: Signal) -> dict[str, Any]:
    """Something that the saga was told, and the step that took it."""
    return {
        "name": signal.name,
        "id": signal.dedup_id,
        "payload": shown(signal.payload),
        "sender": signal.sender,
        "at": signal.at,
        "flag": signal.flag or None,
        "taken_at": signal.taken_at,
    }


def told_document(told: Signalled, request: Request | None) -> dict[str, Any]:
    """What became of a signal just now."""
    return {
        "saga": str(told.saga.pk),
        "url": address(told.saga, request),
        "signal": signal_document(told.signal),
        "taken": told.taken,
        "replayed": told.replayed,
    }


def preview_document(preview: Preview) -> dict[str, Any]:
    """What a verb would do."""
    return {"verb": preview.verb, "dry_run": True, "state": preview.state, "sentences": list(preview.sentences)}


def journal_document(entry: Journal) -> dict[str, Any]:
    """All moves of one transaction."""
    return {"rev": entry.rev, "at": entry.at, "actor": entry.actor, "moves": entry.moves}


def address(saga: Saga, request: Request | None, name: str = "saga") -> str:
    """The address of a saga, or of what belongs to it."""
    path = _path(name, get_script_prefix(), get_urlconf()).replace(_ANY, str(saga.pk))
    return request.build_absolute_uri(path) if request is not None else path


_ANY = str(UUID(int=0))


@cache
def _path(name: str, prefix: str, urls: str | None) -> str:
    """The path for any saga: it is looked up once, and not ten times for each."""
    return reverse(f"sagas:{name}", args=[_ANY])


def _links(saga: Saga, request: Request | None, snapshot: Snapshot) -> dict[str, str]:
    verbs = [verb for verb in operations.allowed(saga, snapshot) if verb != "signal"]
    here = address(saga, None)
    base = address(saga, request).removesuffix(here)
    others = {name: base + address(saga, None, name) for name in (*PARTS, *verbs)}
    return {"self": base + here, **others}
