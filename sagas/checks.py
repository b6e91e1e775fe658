"""`manage.py check` shows everything that is wrong in a definition."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from sagas import registry


@register("sagas")
def definitions(**kwargs: Any) -> list[CheckMessage]:
    """One error for each fault of each definition."""
    return [Error(sentence, id="sagas.E001") for sentence in registry.problems()]
