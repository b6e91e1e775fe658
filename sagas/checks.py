"""`manage.py check` shows everything that is wrong in a definition; with `--database default`, what live sagas miss."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.checks import Warning as Doubt
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from sagas.conf import conf
from sagas.engine import versions
from sagas.engine.answers import meanings
from sagas.events import build
from sagas.models import Run, Saga
from sagas.words import registry, routes

MESSAGES: dict[versions.State, Callable[[str], CheckMessage]] = {
    "changed under live sagas": partial(Error, id="sagas.E004"),
    "missing": partial(Error, id="sagas.E005"),
    "can go": partial(Info, id="sagas.I001"),
}


@register("sagas")
def definitions(**kwargs: Any) -> list[CheckMessage]:
    """One error for each fault of each definition, and of each route of events to them."""
    broken: list[CheckMessage] = [Error(sentence, id="sagas.E001") for sentence in registry.problems()]
    doubts = [Doubt(sentence, id="sagas.W001") for sentence in registry.doubts()]
    return [*broken, *(Error(sentence, id="sagas.E007") for sentence in routes.problems()), *doubts]


@register("sagas")
def settings(**kwargs: Any) -> list[CheckMessage]:
    """One error for each fault of the setting SAGAS."""
    try:
        services = conf().services
    except ImproperlyConfigured as error:
        return [Error(str(error), id="sagas.E002")]
    found = [Error(fault, id="sagas.E003") for name, given in services.items() for fault in _faults(name, given)]
    return [*found, *(Error(fault, id="sagas.E006") for fault in build.faults())]


@register("sagas", deploy=True)
def participants(**kwargs: Any) -> list[CheckMessage]:
    """One warning for each service that a step calls and the settings do not have; before a deployment only."""
    known = conf().services
    return [
        Doubt(
            f"saga {definition.name!r} version {definition.version}, step {step.name!r}: it calls {name!r}, and "
            f"SAGAS['SERVICES'] has no such service; there are: {', '.join(sorted(known)) or 'none'}.",
            id="sagas.W002",
        )
        for definition in registry.everything()
        for step in definition.steps
        for name in step.participants
        if name not in known
    ]


@register("sagas", Tags.database)
def live_versions(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """One error for each table that live sagas need and the code has changed or lost; a hint for each that can go."""
    if not _is_there(databases or ()) or registry.problems():
        return []
    return [MESSAGES[line.state](line.sentence) for line in versions.lines() if line.state in MESSAGES]


def _is_there(databases: Sequence[str]) -> bool:
    """Is the sagas' database among these, and migrated? Before its first migration nothing is live in it."""
    alias = router.db_for_read(Saga)
    tables = {Saga._meta.db_table, Run._meta.db_table}
    return alias in databases and tables <= set(connections[alias].introspection.table_names())


def _faults(name: str, given: Any) -> list[str]:
    if not isinstance(given, dict) or not str(given.get("url", "")).startswith(("http://", "https://")):
        return [f"SAGAS['SERVICES'][{name!r}] needs a url that begins with http:// or https://, and may have a token."]
    try:
        meanings(given)
    except ValueError as error:
        return [f"SAGAS['SERVICES'][{name!r}]: {error}"]
    return []
