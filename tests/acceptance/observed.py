"""The product's settings, with Celery's signals written to the file in TEST_SIGNALS as they fire."""

import os
from functools import partial
from pathlib import Path
from typing import Any

from celery import signals

from orchestrator.settings import *  # noqa: F403

_seen = Path(os.environ["TEST_SIGNALS"])


def _note(name: str, sender: Any = None, **kwargs: Any) -> None:
    with _seen.open("a") as lines:
        lines.write(f"{name} {sender.name}\n" if name.startswith("task_") else f"{name}\n")


_WATCHED = ("worker_init", "worker_ready", "worker_shutting_down", "worker_shutdown", "task_postrun")
for _name in _WATCHED:
    getattr(signals, _name).connect(partial(_note, _name), weak=False)
