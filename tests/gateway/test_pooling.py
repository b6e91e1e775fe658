"""What the server ended is a lost connection, whatever its error is called."""

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


def idles_too_long() -> None:
    """A transaction during which the server hears nothing for longer than it bears."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
        address = {**connection.get_connection_params(), "autocommit": True}
        for name in ("cursor_factory", "context", "prepare_threshold", "pool"):
            address.pop(name, None)
        with psycopg.connect(**address) as other:
            gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s"
            wait_until(lambda: other.execute(gone, [pid]).fetchone() == (True,), what="the server to end it")
        cursor.execute("SELECT 1")


def test_a_transaction_that_the_server_ended_is_a_lost_connection() -> None:
    with pytest.raises(OperationalError, match="idle-in-transaction"):
        idles_too_long()
    assert not connections["default"].in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
