"""The commands that change nothing: list, show, diagram, versions."""

from argparse import Namespace
from dataclasses import asdict

from sagas import diagrams
from sagas.api.documents import journal_document, saga_document, saga_line
from sagas.engine import versions
from sagas.engine.timeline import Reader
from sagas.management.acting import exit_status
from sagas.management.finding import find
from sagas.management.following import follow
from sagas.management.screen import Screen
from sagas.models import Saga
from sagas.words import registry

BROKEN = ("missing", "changed under live sagas")


def listed(screen: Screen, given: Namespace) -> int:
    """Sagas, the newest first."""
    found = Saga.objects.order_by("-id")
    if not (given.all or given.key or given.state):
        found = found.live()
    if given.needs_person:
        found = found.needing_a_person()
    exactly = {"definition": given.definition, "state": given.state, "business_key": given.key}
    found = found.filter(**{name: value for name, value in exactly.items() if value is not None})
    sagas = list(found[: given.limit + 1])
    screen.sagas(sagas[: given.limit])
    if not sagas:
        screen.say("None.")
    if len(sagas) > given.limit:
        screen.say(f"There are more; these are the newest {given.limit}.")
    screen.json([saga_line(saga, None) for saga in sagas[: given.limit]])
    return 0


def show(screen: Screen, given: Namespace) -> int:
    """A saga and its story; watched to its end, if asked to."""
    saga = find(given.saga)
    reader = Reader(saga)
    screen.head(saga)
    if given.follow:
        saga = follow(saga, screen, reader, timeout=given.timeout, details=given.details)
    else:
        screen.story(reader.news(), details=given.details)
    screen.foot(saga)
    journal = [journal_document(entry) for entry in saga.journal.order_by("rev")] if screen.for_scripts else []
    screen.json(saga_document(saga, None) | {"journal": journal})
    return exit_status(saga) if given.follow else 0


def diagram(screen: Screen, given: Namespace) -> int:
    """A saga's table as a picture; of one saga, with how its rows stand."""
    draw = {"svg": diagrams.svg, "dot": diagrams.dot}.get(given.format, diagrams.mermaid)
    if given.definition in {definition.name for definition in registry.everything()}:
        drawn = draw(registry.get(given.definition, given.version))
    else:
        saga = find(given.definition)
        drawn = draw(registry.get(saga.definition, saga.version), diagrams.marks_of(saga))
    screen.json({given.format: drawn})
    if not screen.for_scripts:
        screen.raw(drawn)
    return 0


def needed_versions(screen: Screen, given: Namespace) -> int:
    """What live sagas need, held against what the code has; exit status 1 where it does not have it."""
    lines = versions.lines()
    for line in lines:
        screen.say(f"{line.name} {line.version}: {line.state}. {line.sentence}", "red" if line.state in BROKEN else "")
    screen.json([asdict(line) for line in lines])
    return 1 if any(line.state in BROKEN for line in lines) else 0
