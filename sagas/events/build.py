"""Targets and sources by the settings that declare them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.module_loading import import_string

from sagas.conf import conf
from sagas.events.sources.source import Source
from sagas.events.targets.target import Target

TARGETS = {
    "rabbitmq": "sagas.events.targets.rabbitmq.RabbitMQ",
    "redis": "sagas.events.targets.redis.Redis",
    "kafka": "sagas.events.targets.kafka.Kafka",
    "webhook": "sagas.events.targets.webhook.Webhook",
}
SOURCES = {
    "rabbitmq": "sagas.events.sources.rabbitmq.RabbitMQ",
    "redis": "sagas.events.sources.redis.Redis",
    "kafka": "sagas.events.sources.kafka.Kafka",
}
LISTS = ("events", "definitions", "tenants")
OF_TARGETS, OF_SOURCES = ("kind", *LISTS), ("kind", "events", "tenant")
"""Settings that are not the kind's own."""
LONGEST_NAME = 63


def target(name: str) -> Target:
    """The target of that name. Raises `ValueError` with a sentence for settings that cannot be."""
    found: Target = _made(conf().event_targets[name], TARGETS, OF_TARGETS, Target)
    return found


def source(name: str) -> Source:
    """The source of that name. Raises `ValueError` with a sentence for settings that cannot be."""
    found: Source = _made(conf().event_sources[name], SOURCES, OF_SOURCES, Source)
    return found


def faults() -> list[str]:
    """What is wrong with the declared targets and sources, a sentence each."""
    targets = (_faults("EVENT_TARGETS", name, given, target) for name, given in conf().event_targets.items())
    sources = (_faults("EVENT_SOURCES", name, given, source) for name, given in conf().event_sources.items())
    return [fault for found in (*targets, *sources) for fault in found]


def _faults(setting: str, name: str, given: Any, made: Callable[[str], object]) -> list[str]:
    where = f"SAGAS[{setting!r}][{name!r}]"
    if not isinstance(given, Mapping):
        return [f"{where} must be a table of settings with a kind."]
    if not 0 < len(name) <= LONGEST_NAME:
        return [f"{where}: a name has 1 to {LONGEST_NAME} characters."]
    for option in LISTS:
        if option in given and (isinstance(given[option], str) or not all(isinstance(v, str) for v in given[option])):
            return [f"{where}: {option} is a list of words."]
    try:
        made(name)
    except Exception as error:  # another's class may raise anything
        return [f"{where}: {error}"]
    return []


def _made(given: Mapping[str, Any], kinds: Mapping[str, str], ours: tuple[str, ...], base: type) -> Any:
    kind = given.get("kind", "")
    path = kinds.get(kind, kind)
    if "." not in str(path):
        raise ValueError(f"there is no kind {kind!r}; choose {', '.join(kinds)}, or name a class by its dotted path.")
    try:
        found = import_string(path)
    except ImportError as error:
        if kind == "kafka":
            raise ValueError("kafka needs an extra: pip install 'saga-orchestrator[kafka]'.") from error
        raise
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{path} is no {base.__name__}.")
    options = {name: value for name, value in given.items() if name not in ours}
    try:
        inspect.signature(found).bind(**options)
    except TypeError as error:
        raise ValueError(
            f"{kind}: {error}; its settings are {', '.join(inspect.signature(found).parameters)}."
        ) from None
    return found(**options)
