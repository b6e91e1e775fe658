"""Celery tasks with an effect that a test can see; workers import them with `include=["tests.harness.tasks"]`."""

from datetime import timedelta
from pathlib import Path

from celery import shared_task

from tests.harness.waiting import wait_until


@shared_task(name="tests.mark")
def mark(path: str) -> None:
    """Make the file `path`, as a proof that a worker took the message."""
    Path(path).touch()


@shared_task(name="tests.stay")
def stay(path: str, until: str) -> None:
    """Make the file `path`, and stay at it until there is the file `until`."""
    Path(path).touch()
    wait_until(Path(until).exists, f"{until} is there", timedelta(seconds=120))
