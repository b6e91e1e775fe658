"""Databases with all tables: copies of one that is migrated once on each server, since to migrate takes seconds."""

from datetime import timedelta
from itertools import count

from tests.harness.postgres import Postgres
from tests.harness.product import Product

PATIENCE = timedelta(minutes=5)
_numbers = count()
_templates: dict[tuple[str, str], str] = {}
"""The name of the one to copy, by server and by what it serves."""


def migrated(postgres: Postgres, name: str, *, serves: str = "sagas,notifications") -> str:
    """Create a database with the tables of an installation that serves these apps, and return its address."""
    if (postgres.url, serves) not in _templates:
        template = f"migrated{next(_numbers)}"
        url = postgres.create_database(template)
        with Product(database_url=url, broker_url="memory://", environment={"SERVES": serves}) as product:
            product.manage("migrate", "--verbosity", "0", within=PATIENCE)
        _templates[postgres.url, serves] = template
    return postgres.create_database(name, like=_templates[postgres.url, serves])
