"""What the environment says, read so that a slip of the pen is told in a sentence that names the variable."""

import json
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

DATABASE_EXAMPLE = "postgres://user:password@host:5432/name or sqlite:////var/lib/sagas.sqlite3"


class Environment(environ.Env):
    """`environ.Env`, and what else settings are made of."""

    def number(self, name: str, usual: int) -> int:
        """A whole number. Raises ImproperlyConfigured for what is none."""
        try:
            return int(self.str(name, str(usual)))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} is {self.str(name)!r}: set it to a whole number, such as {usual}."
            ) from None

    def document(self, name: str, example: dict[str, Any]) -> dict[str, Any]:
        """A JSON object, empty if it is not set. Raises ImproperlyConfigured with the example for what is none."""
        written = f"Write it as {json.dumps(example)}."
        try:
            found = json.loads(self.str(name, "") or "{}")
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} is not JSON: {error}. {written}") from None
        if not isinstance(found, dict):
            raise ImproperlyConfigured(f"{name} is no JSON object. {written}")
        return found

    def database(self, name: str) -> dict[str, Any]:
        """What a database's address says. Raises ImproperlyConfigured for what is none."""
        try:
            found: dict[str, Any] = self.db_url(name)
        except Exception as error:  # the library raises whatever parsing raises
            raise ImproperlyConfigured(f"{name} cannot be read ({error}): set it to {DATABASE_EXAMPLE}.") from None
        if found.get("ENGINE") not in ("django.db.backends.postgresql", "django.db.backends.sqlite3"):
            scheme = self.str(name).partition(":")[0]
            raise ImproperlyConfigured(
                f"{name} begins with {scheme!r}, and sagas live in PostgreSQL or SQLite: set it to {DATABASE_EXAMPLE}."
            )
        if found.get("NAME") in (None, "", ":memory:"):
            raise ImproperlyConfigured(f"{name} names no database at its end: set it to {DATABASE_EXAMPLE}.")
        return found


def installable(name: str, apps: Iterable[str]) -> list[str]:
    """These apps. Raises ImproperlyConfigured for one that is not there to be imported."""
    for app in (apps := [app.strip() for app in apps if app.strip()]):
        if find_spec(app.partition(".")[0]) is None:
            raise ImproperlyConfigured(
                f"{name} names {app!r}, and Python finds no package of that name: look at the spelling, install it, or "
                "put the folder that holds it into PYTHONPATH."
            )
    return apps
