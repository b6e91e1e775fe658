"""What needs a person, by its cause, and one verb for all sagas of a cause."""

import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sagas.api.listing import narrowed
from sagas.api.shapes import SagaFilter
from sagas.errors import InvalidInput
from sagas.management.acting import actor, ask
from sagas.management.arguments import a_tenant, as_json, seconds
from sagas.management.screen import Screen
from sagas.models import BulkOperation, Incident, Saga
from sagas.operations import bulk, second
from sagas.operations.grouping import Group, groups
from sagas.words.lifecycle import SagaState

LOOK_EVERY = timedelta(seconds=0.5)
TAKES = {"skip": ("step", "result"), "waive": ("step",)}
OPEN = ("waiting", "asked")
WHICH = ("definition", "step", "reason_code", "state", "business_key_prefix")
ENDED = (BulkOperation.State.DONE, BulkOperation.State.CANCELLED)


def incidents(screen: Screen, given: Namespace) -> int:
    """The causes, the latest first, each with one of its sentences and the command that retries all of it."""
    which = {"definition": given.definition} if given.definition else {}
    found = groups(given.tenant, **which)
    for group in found:
        _show(screen, group, given.tenant)
    if not found:
        screen.say("Nothing needs a person.")
    screen.json([asdict(group) | {"id": group.id} for group in found])
    return 0


def _show(screen: Screen, group: Group, tenant: str) -> None:
    of_group = {"definition": group.definition, "path": group.path, "reason_code": group.reason_code}
    one = Incident.objects.open().filter(tenant=tenant, **of_group).order_by("-last_at").first()
    looked_after = f", {group.owner} looks after it" if group.owner else ""
    muted = f", muted until {group.muted_until:%Y-%m-%d %H:%M} UTC" if group.muted_until else ""
    times = f"since {group.first_at:%Y-%m-%d %H:%M} UTC, last {group.last_at:%H:%M:%S}"
    head = f"● {group.sagas} × {group.definition} {group.path}".rstrip()
    screen.say(f"{head}: {group.reason_code}, {times}{looked_after}{muted}", "bold magenta")
    if one is not None:
        screen.say(f"    {one.sentence}")
        screen.say(f"    such as: manage.py saga show {one.saga_id}", "bright_black")
    if group.note:
        screen.say(f"    note: {group.note}")
    step = f" --step {group.path}" if group.path else ""
    words = f"--definition {group.definition}{step} --reason-code {group.reason_code}"
    screen.say(f"    all: manage.py saga bulk retry {words} --dry-run", "bright_black")


def many(screen: Screen, given: Namespace) -> int:
    """One verb for all sagas that fit: say what it would do, store it, and watch it if asked to."""
    wanted = {name: getattr(given, name) for name in WHICH if getattr(given, name) is not None}
    if not wanted:
        raise InvalidInput("Say which sagas are meant: --definition, --step, --reason-code, --state or --key-begins.")
    asked, verb = SagaFilter(**wanted), given.verb.replace("-", "_")
    arguments = {name: getattr(given, name) for name in TAKES.get(verb, ())}
    if "step" in arguments and not given.step:
        raise InvalidInput(f"Say which step is meant: {given.verb} needs a --step.")
    sagas = narrowed(Saga.objects.filter(tenant=given.tenant), asked)
    found = bulk.foresee_bulk(verb, sagas)
    _foretell(screen, found)
    asking = second.needs_another(verb, found.total)
    if asking:
        screen.say("→ Not at once: a second person must approve it.")
    if given.dry_run:
        screen.say("Nothing was changed.")
        screen.json({"dry_run": True, **asdict(found)})
        return 0
    about: dict[str, Any] = {"actor": actor(), "reason": given.reason, "tenant": given.tenant, "rate": given.rate}
    selection = {"filter": asked.model_dump(mode="json", exclude_none=True)}
    if asking:
        return ask(screen, second.ask_bulk(verb, sagas, selection=selection, arguments=arguments, **about))
    operation = bulk.begin_bulk(verb, sagas, selection=selection, arguments=arguments, **about)
    screen.say(f"It is stored, and worked off at {given.rate} sagas a minute: operation {operation.pk}.")
    counts = _watch(screen, operation, given.timeout) if given.follow else bulk.tally(operation)
    said = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in counts.items() if number)
    screen.say(f"{said or 'No saga fits'}.")
    screen.json({"id": operation.pk, "state": operation.state, "counts": counts})
    return 3 if given.follow and operation.state not in ENDED else 0


def _foretell(screen: Screen, found: bulk.Foresight) -> None:
    of_them = "" if found.looked_at == found.total else f" of the first {found.looked_at}"
    screen.say(f"→ {found.verb.replace('_', '-')}: {found.total} sagas fit; {found.eligible}{of_them} can be asked.")
    for state, number in sorted(found.not_eligible.items()):
        screen.say(f"→ {number} that are {state} would be refused.")
    for step, number in sorted(found.not_idempotent.items()):
        screen.say(f"→ {step} is not idempotent, and may be done twice in {number} of them.")


def _watch(screen: Screen, operation: BulkOperation, timeout: timedelta | None) -> dict[str, int]:
    """Show how far it is until it has ended, or the time is up."""
    ends = time.monotonic() + timeout.total_seconds() if timeout is not None else None
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=screen.console, disable=not screen.console.is_terminal, transient=True) as bar:
        counts = bulk.tally(operation)
        task = bar.add_task(operation.verb, total=sum(counts.values()))
        while operation.state not in ENDED and (ends is None or time.monotonic() < ends):
            time.sleep(LOOK_EVERY.total_seconds())
            operation.refresh_from_db()
            counts = bulk.tally(operation)
            bar.update(task, completed=sum(number for state, number in counts.items() if state not in OPEN))
    return counts


def of_a_definition(parser: ArgumentParser) -> None:
    """Whose causes are listed."""
    parser.add_argument("--definition", help="only sagas of that name")
    a_tenant(parser)


def a_selection(parser: ArgumentParser) -> None:
    """Which sagas are meant, and what is done to them."""
    parser.add_argument("verb", choices=[verb.replace("_", "-") for verb in bulk.VERBS], help="what is done to each")
    parser.add_argument("--definition", help="sagas of that name")
    parser.add_argument("--step", help="that need a person at that step")
    parser.add_argument("--reason-code", help="whose incident has that code, as manage.py saga incidents shows it")
    parser.add_argument("--state", choices=[str(state) for state in SagaState], help="in that state")
    parser.add_argument("--key-begins", dest="business_key_prefix", help="whose business key begins so")
    parser.add_argument("--reason", default="", help="why; it is written into the audit of each")
    parser.add_argument("--rate", type=int, default=60, help="sagas a minute (default: 60)")
    parser.add_argument("--result", type=as_json, help="with skip: the step's result, as JSON, as @FILE, or as -")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    parser.add_argument("--follow", action="store_true", help="watch it until it has ended")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="with --follow: watch no longer than that")
    a_tenant(parser)
