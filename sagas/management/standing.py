"""How the whole installation stands, on one screen."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.utils.module_loading import import_string

from gateway import conf
from gateway.health import Minor
from sagas.management.screen import COLOURS, SIGNS, Screen
from sagas.metrics import figures
from sagas.models import Worker
from sagas.record import clock

NAMES = {
    "gateway.health.migrated": "tables",
    "sagas.health.swept": "sweep",
    "sagas.health.alive": "progress",
    "sagas.health.heard": "bell",
    "notifications.health.swept": "notifications",
}
OF_ONE_PROCESS = "gateway.health.broker"
"""It speaks of what this very process has sent, which is nothing; the broker is asked here."""
RECENTLY, MOST_GONE = timedelta(hours=1), 5
PATIENCE = 2.0
"""Seconds for the broker."""

Numbers = Mapping[str, Mapping[Any, float]]


def status(screen: Screen, given: Namespace) -> int:
    """What is well and what is not, who works, what moves, what needs a person; 1 where something is not well."""
    checks = {**_readiness(), "broker": _broker()}
    numbers: Numbers = {figure.name: figure.values for figure in figures()} if checks.get("tables") is None else {}
    if numbers:
        checks["workers"] = (
            None if _sum(numbers, "saga_workers") else "none is alive: nothing moves until one is started"
        )
    checks |= {
        f"queue {queue}": "no living worker serves it; add it to a worker's QUEUES" for queue in unserved(numbers)
    }
    for name, said in checks.items():
        tone = "good" if said is None else "plain" if isinstance(said, Minor) else "trouble"
        screen.say(f"{SIGNS[tone]} {name:<14} {said or 'ok'}", COLOURS.get(tone, ""))
    for sentence in _sentences(numbers):
        screen.say(f"  {sentence}")
    well = all(said is None or isinstance(said, Minor) for said in checks.values())
    told = {name: [[*labels, number] for labels, number in found.items()] for name, found in numbers.items()}
    screen.json({"well": well, "checks": {name: said or "ok" for name, said in checks.items()}, "figures": told})
    return 0 if well else 1


def unserved(numbers: Numbers) -> list[str]:
    """Queues that steps are named for and no living worker takes from, while there are workers."""
    slots = numbers.get("saga_worker_slots", {})
    return [queue for (queue,), many in slots.items() if not many] if any(slots.values()) else []


def _readiness() -> dict[str, str | None]:
    paths = [path for path in conf.current().READINESS if path != OF_ONE_PROCESS]
    return {NAMES.get(path, path): import_string(path)() for path in paths}


def _broker() -> str | None:
    if current_app.conf.broker_url.startswith("memory:"):
        return None
    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "max_retries": 0}
    with current_app.connection_for_write(connect_timeout=PATIENCE, transport_options=options) as connection:
        try:
            connection.default_channel  # noqa: B018 - opening it is the question
        except Exception as error:  # whatever the transport raises
            why = f"{connection.as_uri()} does not answer ({type(error).__name__})"
            return Minor(f"{why}; steps go on, some seconds later. See whether it runs, and BROKER_URL")
    return None


def _sentences(numbers: Numbers) -> Iterator[str]:
    if not numbers:
        return
    slots = ", ".join(f"{queue} {many:.0f}" for (queue,), many in sorted(numbers["saga_worker_slots"].items()))
    yield f"workers        {_sum(numbers, 'saga_workers')} alive; slots by queue: {slots}"
    for worker in Worker.objects.filter(gone_at__gt=clock.now() - RECENTLY).order_by("-gone_at")[:MOST_GONE]:
        yield f"               {worker.name} is gone, last heard of at {worker.beat_at:%H:%M:%S} UTC"
    states: dict[str, float] = {}
    for (_, state), many in numbers["saga_live"].items():
        states[state] = states.get(state, 0) + many
    yield f"live sagas     {', '.join(f'{state} {many:.0f}' for state, many in sorted(states.items())) or 'none'}"
    oldest = max(numbers["saga_steps_due_oldest_seconds"].values(), default=0)
    due = f"{_sum(numbers, 'saga_steps_due')} wait for a worker" + (f", the first for {oldest:.0f} s" if oldest else "")
    overdue = _sum(numbers, "saga_steps_overdue")
    yield f"steps          {_sum(numbers, 'saga_steps_running')} under way, {overdue} of them over their time; {due}"
    held = _sum(numbers, "saga_participants_held")
    yield f"held           {held} participants" + ("; see manage.py saga participants" if held else "")
    incidents = _sum(numbers, "saga_incidents_open")
    yield f"for a person   {incidents} incidents" + ("; see manage.py saga incidents" if incidents else "")


def _sum(numbers: Numbers, name: str) -> int:
    return int(sum(numbers[name].values()))
