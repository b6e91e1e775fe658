"""Removing what has ended long ago."""

from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import IO
from uuid import UUID

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from sagas.engine import leftovers, retention
from sagas.errors import InvalidInput
from sagas.management.screen import Screen
from sagas.record import clock


def prune(screen: Screen, given: Namespace) -> int:
    """Remove what ended longer ago than that, and say how many sagas; what an archive gets is on the disk before."""
    now = clock.now()
    before = now - given.older_than
    removed = kept = others = 0
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    shown = Progress(*columns, console=screen.console, disable=not screen.console.is_terminal, transient=True)
    with _archive(given) as archive, shown as bar:
        task = bar.add_task("pruning", total=1)
        began: datetime | None = None
        for batch in retention.prune(before, archive=archive, dry_run=given.dry_run):
            removed, kept = removed + batch.removed, kept + batch.kept
            at = _time_of(batch.last)
            began = began or at
            bar.update(task, completed=(at - began) / max(now - began, given.older_than))
        others = sum(leftovers.prune(before, archive=archive, dry_run=given.dry_run))
    verb = "would be" if given.dry_run else "were"
    screen.say(f"{removed:,} sagas that ended before {before:%Y-%m-%d %H:%M} UTC {verb} removed.")
    if others:
        screen.say(f"So {verb} {others:,} alerts, bulk operations, holds and decisions about them.")
    if kept:
        screen.say(f"{kept:,} were kept, since something live or unsettled belongs to them.")
    screen.json({"before": before, "removed": removed, "kept": kept, "leftovers": others, "dry_run": given.dry_run})
    return 0


def _archive(given: Namespace) -> AbstractContextManager[IO[str] | None]:
    if given.archive is None or given.dry_run:
        return nullcontext()
    try:
        return open(given.archive, "x", encoding="utf-8")
    except OSError as error:
        fault = [{"pointer": "/archive", "detail": str(error)}]
        raise InvalidInput("The archive cannot be written; name a file that is not there yet.", errors=fault) from None


def _time_of(id_: UUID) -> datetime:
    return datetime.fromtimestamp((id_.int >> 80) / 1000, tz=UTC)
