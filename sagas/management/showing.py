"""Sagas in a terminal: lists, timelines, one that is followed while it runs; or JSON for scripts."""

import json
import time
from collections.abc import Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sagas.api.documents import journal_document, saga_document, saga_line
from sagas.explain import explain
from sagas.lifecycle import SagaState
from sagas.models import Run, Saga
from sagas.timeline import Entry, Reader

COLOURS = {"good": "green", "trouble": "red", "back": "blue", "person": "bold magenta", "quiet": "dim"}
OF_STATE = {
    "completed": "green",
    "compensated": "blue",
    "cancelled": "blue",
    "compensating": "blue",
    "stuck": "bold magenta",
    "failed": "bold red",
}
LOOK_EVERY = 0.5
"""Seconds between two looks at a saga that is followed."""


def as_json(document: Any) -> str:
    """A document as JSON, indented."""
    return json.dumps(document, cls=DjangoJSONEncoder, indent=2)


def document(saga: Saga, *, journal: bool = False) -> dict[str, Any]:
    """A saga as the API shows it."""
    found = saga_document(saga, None)
    if journal:
        found["journal"] = [journal_document(entry) for entry in saga.journal.order_by("rev")]
    return found


def listed(sagas: Iterable[Saga], console: Console, *, json_: bool) -> None:
    """Sagas, a line each."""
    if json_:
        console.file.write(as_json([saga_line(saga, None) for saga in sagas]) + "\n")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "saga", "key", "state", "since", "needs a person"):
        table.add_column(name, overflow="fold")
    for saga in sagas:
        state = f"[{OF_STATE.get(saga.state, 'default')}]{saga.state}[/]"
        person = f"{saga.open_incidents}" if saga.open_incidents else ""
        name = f"{saga.definition} {saga.version}"
        at = f"{saga.updated_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(saga.pk), name, escape(saga.business_key or ""), state, at, person)
    console.print(table)


def shown(saga: Saga, console: Console) -> None:
    """A saga: how it stands, its rows, its timeline, and the sentence that says what happens next."""
    head(saga, console)
    for entry in Reader(saga).news():
        line(saga, entry, console)
    console.print(escape(explain(saga)))


def head(saga: Saga, console: Console) -> None:
    """The first lines about a saga."""
    colour = OF_STATE.get(saga.state, "default")
    key = f" {escape(saga.business_key)}" if saga.business_key else ""
    console.print(f"[bold]{saga.definition}[/]{key}  [{colour}]{saga.state}[/]  [dim]{saga.pk}[/]")
    if saga.paused_at:
        console.print(f"[bold magenta]paused[/] by {escape(saga.paused_by)}: {escape(saga.paused_why)}")


def line(saga: Saga, entry: Entry, console: Console) -> None:
    """One line of a timeline."""
    if entry.tone == "quiet":
        return
    at = f"+{(entry.at - saga.created_at).total_seconds():.1f} s".rjust(12)
    colour = COLOURS.get(entry.tone, "default")
    console.print(f"{at}  [{colour}]{escape(entry.text)}[/]  [dim]{escape(entry.actor)}[/]")


def follow(saga: Saga, console: Console) -> Saga:
    """Show a saga's moves as they happen, until it ended; what it waits for whenever that changes."""
    head(saga, console)
    reader, seen, said = Reader(saga), 0, ""
    while True:
        saga.refresh_from_db()
        for entry in reader.news():
            line(saga, entry, console)
        if saga.rev != seen or not said:
            sentence = explain(saga)
            if sentence != said and (saga.ended_at or not _at_work(saga)):
                console.print(escape(sentence))
                said = sentence
        seen = saga.rev
        if saga.ended_at:
            return saga
        time.sleep(LOOK_EVERY)


def _at_work(saga: Saga) -> bool:
    return Run.objects.filter(saga_id=saga.pk, work__in=["due", "running"]).exists()


def exit_status(saga: Saga) -> int:
    """0 for a saga that completed, 1 for one that ended otherwise."""
    return 0 if saga.state == SagaState.COMPLETED else 1
