"""`manage.py check` shows everything that is wrong in a definition."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from sagas import registry
from sagas.answers import meanings
from sagas.conf import conf


@register("sagas")
def definitions(**kwargs: Any) -> list[CheckMessage]:
    """One error for each fault of each definition."""
    return [Error(sentence, id="sagas.E001") for sentence in registry.problems()]


@register("sagas")
def settings(**kwargs: Any) -> list[CheckMessage]:
    """One error for each fault of the setting SAGAS."""
    try:
        services = conf().services
    except ImproperlyConfigured as error:
        return [Error(str(error), id="sagas.E002")]
    return [Error(fault, id="sagas.E003") for name, given in services.items() for fault in _faults(name, given)]


def _faults(name: str, given: Any) -> list[str]:
    if not isinstance(given, dict) or not str(given.get("url", "")).startswith(("http://", "https://")):
        return [f"SAGAS['SERVICES'][{name!r}] needs a url that begins with http:// or https://, and may have a token."]
    try:
        meanings(given)
    except ValueError as error:
        return [f"SAGAS['SERVICES'][{name!r}]: {error}"]
    return []
