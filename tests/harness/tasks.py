"""Celery tasks with an effect that a test can see; workers import them with `include=["tests.harness.tasks"]`."""

from pathlib import Path

from celery import shared_task


@shared_task(name="tests.mark")
def mark(path: str) -> None:
    """Make the file `path`, as a proof that a worker took the message."""
    Path(path).touch()
