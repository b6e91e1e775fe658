"""A migration may take longer than any other session."""

import pytest
from django.core.management import call_command
from django.db import connection


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db
def test_a_migration_is_bounded_in_waiting_for_locks_alone():
    with connection.cursor() as cursor:
        for bound in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            cursor.execute(f"SET LOCAL {bound} = '5s'")
    call_command("migrate", "gateway", verbosity=0)
    assert [shown(bound) for bound in ("statement_timeout", "idle_in_transaction_session_timeout")] == ["0", "0"]
    assert shown("lock_timeout") == "5s"


def shown(bound: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {bound}")
        return str(cursor.fetchone()[0])
