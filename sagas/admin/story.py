"""Everything that a saga's page shows."""

from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.safestring import SafeString, mark_safe

from sagas import diagrams, operations
from sagas.admin.console import number_in
from sagas.admin.payloads import shown
from sagas.admin.rows import rows_of
from sagas.conf import conf
from sagas.engine.explain import explain
from sagas.engine.summary import summary_of
from sagas.engine.timeline import Entry, Reader
from sagas.models import Callback, Run, Saga
from sagas.operations.allowing import effects_in_place
from sagas.record.sight import Sight
from sagas.words import registry
from sagas.words.definition import Definition

MOST = 50
"""So many incidents, signals, decisions and relatives are shown."""
MOVES = 40
"""So many transactions of the journal stand on one page."""


def story_of(saga: Saga, asked: QueryDict, sight: Sight) -> dict[str, Any]:
    """What the page shows of a saga; `asked` is its address: `rows`, `after`, `before` and `detail`."""
    saga, look = sight.look(saga), sight.look
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    return {
        "title": str(saga),
        "saga": saga,
        "sentence": explain(saga, sight),
        "summary": summary_of(saga, sight),
        "trace": trace_of(saga),
        "table": table,
        "allowed": operations.allowed(saga),
        "incidents": [look(incident) for incident in saga.incidents.order_by("closed_at", "-last_at")[:MOST]],
        "picture": picture(table, saga),
        "rows": rows_of(saga, sight, asked.get("rows", ""), asked.get("after", "")),
        "detail": asked.get("detail") == "1",
        "input": shown(saga.input),
        "revisions": [(old.rev, shown(old.input)) for old in map(look, saga.revisions.order_by("-rev")[:MOST])],
        "failure": saga.failure or {},
        "callback": Callback.objects.filter(saga_id=saga.pk).first() if saga.ended_at else None,
        "in_place": effects_in_place(saga) if saga.ended_at and saga.state == "failed" else [],
        "signals": [(signal, shown(signal.payload)) for signal in map(look, saga.signals.order_by("-id")[:MOST])],
        "audit": [(entry, shown(entry.details or None)) for entry in map(look, saga.audit.order_by("-id")[:MOST])],
        **_told(saga, asked, sight),
        **relatives(saga),
    }


def picture(table: Definition | None, saga: Saga) -> SafeString:
    """The table with the way taken; its rows lead to the page's rows. Everything an author wrote is escaped in it."""
    if table is None:
        return SafeString("")
    drawn = diagrams.svg(table, diagrams.marks_of(saga), link=lambda path: f"?rows=all#{anchor(path)}", folded=True)
    return mark_safe(drawn)  # noqa: S308 - `diagrams` escapes every word that it draws


def trace_of(saga: Saga) -> str:
    """The address of its trace, where the settings say how one is looked at."""
    parts = saga.traceparent.split("-")
    return conf().trace_url.replace("{trace}", quote(parts[1], safe="")) if len(parts) > 1 else ""


def anchor(path: str) -> str:
    """What a row of the table is called in its page's address."""
    return f"row-{path}"


def relatives(saga: Saga) -> dict[str, Any]:
    """The saga that it belongs to, those that belong to it, and what it is a copy of."""
    parent = Run.objects.select_related("saga").filter(pk=saga.parent_id).first() if saga.parent_id else None
    children: QuerySet[Saga] = Saga.objects.filter(parent__saga_id=saga.pk).select_related("parent").order_by("-id")
    return {
        "parent": parent,
        "children": children[:MOST],
        "cloned_from": Saga.objects.filter(pk=saga.cloned_from_id).first() if saga.cloned_from_id else None,
        "clones": saga.clones.order_by("-id")[:MOST],
    }


def _told(saga: Saga, asked: QueryDict, sight: Sight) -> dict[str, Any]:
    """A page of what happened, the latest first, and where the page before it begins."""
    before = number_in(asked.get("before", ""))
    upto = saga.rev if before is None else min(before - 1, saga.rev)
    found = Reader(saga, after=max(0, upto - MOVES), sight=sight).news(upto=upto)
    detail = asked.get("detail") == "1"
    entries: list[Entry] = [entry for entry in reversed(found) if detail or entry.tone != "quiet"]
    return {"entries": entries, "older": upto - MOVES + 1 if upto > MOVES else 0}
