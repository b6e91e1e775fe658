"""On SQLite schedules have a database of their own, in memory; so none is made for the tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def _may_use_databases(django_db_blocker: Any) -> Iterator[None]:
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock():
            yield
    else:
        yield
