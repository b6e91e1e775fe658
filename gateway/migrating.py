"""A migration takes its time: the bounds of every other session do not end it, but it waits for no lock for long."""

from typing import Any

from django.db import connections


def take_time(using: str, **_: Any) -> None:
    """Lift the bounds on this session's statements and pauses; a receiver of `pre_migrate`.

    The bound on waiting for a lock stays: whoever waits for a table's lock stops everybody else at that table.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
