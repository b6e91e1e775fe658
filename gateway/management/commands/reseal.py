"""`manage.py reseal`: everything that is stored sealed gets the newest key, so that the older ones can go."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from gateway import resealing


class Command(BaseCommand):
    """Goes through all columns in batches, beside the work that goes on; it may be stopped, and repeated."""

    help = "Seal everything that is stored sealed under the first key of VAULT_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How it is asked."""
        parser.add_argument("--dry-run", action="store_true", help="only count what is under older keys")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Say for each column what was done; exit status 1 where something cannot be read."""
        console = Console(file=cast(IO[str], self.stdout), highlight=False, soft_wrap=True)
        look = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
        faults: list[str] = []
        with Progress(*look, console=console, disable=not console.is_terminal, transient=True) as bar:
            for column in resealing.columns():
                task = bar.add_task(str(column), total=column.model._default_manager.count())
                done = unreadable = 0
                for batch in resealing.reseal(column, dry_run=dry_run):
                    done, unreadable = done + batch.resealed, unreadable + batch.unreadable
                    bar.advance(task, batch.looked_at)
                    if batch.why and len(faults) < 5:
                        faults.append(f"{column}: {batch.why}")
                bar.remove_task(task)
                verb = "are under older keys" if dry_run else "were resealed"
                lost = f", {unreadable:,} cannot be read" if unreadable else ""
                if done or unreadable:
                    console.print(f"{column}: {done:,} {verb}{lost}.")
        if faults:
            raise CommandError("Some of it cannot be read, and is as it was.\n  " + "\n  ".join(faults))
        console.print("Nothing is left under older keys." if not dry_run else "That is all; nothing was changed.")
