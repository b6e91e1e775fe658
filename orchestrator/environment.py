"""Variables of the environment that hold JSON."""

import json
import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def json_of(name: str, example: dict[str, Any]) -> dict[str, Any]:
    """The object in that variable, an empty one without it. Raises `ImproperlyConfigured`, which shows the example."""
    written = f"Write it as {json.dumps(example)}."
    try:
        found = json.loads(os.environ.get(name) or "{}")
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not JSON: {error}. {written}") from None
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} is no JSON object. {written}")
    return found
