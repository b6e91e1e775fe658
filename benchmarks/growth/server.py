"""A PostgreSQL of the benchmark's own, with a database for each size, and this process's way from one to another."""

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import psycopg

from benchmarks.growth.size import Size
from tests.harness.postgres import Postgres

TEMPLATE = "growth_template"


class Server:
    """Use it as a context manager. Django is set up for it, once in a process, when it begins."""

    def __init__(self) -> None:
        self.postgres = Postgres()

    def __enter__(self) -> "Server":
        self.postgres.start()
        url = self.postgres.create_database(TEMPLATE)
        # Nobody rings, since no broker is part of what is measured.
        os.environ |= {"DATABASE_URL": url, "BROKER_URL": "memory://", "APPS": "benchmarks.growth", "SHOP": "0"}
        os.environ |= {"MODE": "development", "ALLOWED_HOSTS": "testserver", "LOG_LEVEL": "ERROR"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
        import django
        from django.conf import settings

        settings.GATEWAY = {**settings.GATEWAY, "KEEP_COUNTS": False}  # nothing of the product writes by itself
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.postgres.stop()

    def use(self, database: str) -> None:
        """From now on Django is connected to that one."""
        from django.db import connection

        pooled: Any = connection
        pooled.close()
        pooled.close_pool()
        connection.settings_dict["NAME"] = database

    def build(self, size: Size, tell: Callable[[int], None]) -> None:
        """A database of that size; what the server puts off is done when this returns."""
        self.use("postgres")
        self.execute(f'CREATE DATABASE "{size.database}" TEMPLATE {TEMPLATE}')
        # Copies of what is consistent need no checks; and nothing of this must survive a power cut.
        hurried = {"session_replication_role": "replica", "synchronous_commit": "off", "statement_timeout": "0"}
        for name, value in hurried.items():
            self.execute(f'ALTER DATABASE "{size.database}" SET {name} = {value}')
        self.use(size.database)
        from benchmarks.growth.filling import fill

        fill(ended=size.ended, waiting=size.waiting, tell=tell)
        self.use("postgres")
        self.execute(f'ALTER DATABASE "{size.database}" RESET ALL')
        self.execute("CHECKPOINT")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(statement)

    def ask(self, question: str) -> Sequence[tuple[object, ...]]:
        """What the database in use answers."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(question)
            found: list[tuple[object, ...]] = cursor.fetchall()
            return found
