"""What one of the dicts in Django's settings says: `SAGAS = {...}` as arguments of the class of its settings."""

from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def given(name: str, kind: type) -> dict[str, Any]:
    """What stands in the dict of that name, by the fields of the dataclass; it names them in capitals.

    Raises ImproperlyConfigured for a setting that there is not.
    """
    known = {field.name.upper(): field.name for field in fields(kind)}
    said = {key.upper(): value for key, value in getattr(settings, name, {}).items()}
    if strange := sorted(said.keys() - known.keys()):
        raise ImproperlyConfigured(f"{name} has no setting {strange[0]!r}; there are: {', '.join(sorted(known))}.")
    return {known[key]: value for key, value in said.items()}
