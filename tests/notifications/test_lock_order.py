"""Two claims that try the same providers in different orders never wait for each other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F
from django.utils import timezone

from notifications import providers
from notifications.models import ProviderHealth
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

PIGEON = "tests.notifications.post.Pigeon"
TABLE = ProviderHealth._meta.db_table
MINUTE = timedelta(minutes=1)


@pytest.fixture
def flock(settings):
    """Two providers of one channel, both with a rate, and both waiting for one message to try them."""
    entry = {"channel": "pigeon", "path": PIGEON, "per_minute": 6000}
    settings.NOTIFICATIONS = {"PROVIDERS": {"first": entry, "second": entry}}
    over = timezone.now() - MINUTE
    ProviderHealth.objects.bulk_create(ProviderHealth(pk=name, open_until=over) for name in ("first", "second"))


class Encounter:
    """Two transactions, stopped at the two places where they can get in each other's way.

    The first is when both have read the providers' health, and somebody else changes it. The second is after the first
    row that either locks: it goes on when the other one has locked one, too, or waits for a lock.
    """

    def __init__(self) -> None:
        self.read, self.changed = (threading.Barrier(3, timeout=60) for _ in range(2))
        self.pids: dict[str, int] = {}
        self.locked: set[str] = set()

    @contextmanager
    def of(self, name: str, other: str) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.pids[name] = cursor.fetchone()[0]
        seen = set()

        def execute(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            locks = sql.startswith("UPDATE") or "FOR UPDATE" in sql
            if TABLE in sql and not sql.startswith("INSERT") and locks not in seen:
                seen.add(locks)
                if locks:
                    self.locked.add(name)
                    wait_until(lambda: other in self.locked or self._waits(other), "the other one", MINUTE)
                else:
                    self.read.wait()
                    self.changed.wait()
            return result

        with connection.execute_wrapper(execute):
            yield

    def _waits(self, name: str) -> bool:
        """Asked over a connection of its own: the thread's is in the midst of a transaction."""
        aside = connections.create_connection("default")
        try:
            with aside.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [self.pids[name]])
                return cursor.fetchone() is not None
        finally:
            aside.close()


def test_two_claims_on_two_limited_providers_do_not_lock_each_other_out(flock):
    encounter = Encounter()

    def claims(name: str, other: str, tried: list[str]) -> str | None:
        try:
            with transaction.atomic(), encounter.of(name, other):
                return providers.choose("pigeon", tried, timezone.now()).name
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(claims, "one", "two", []), pool.submit(claims, "two", "one", ["first"])]
        encounter.read.wait()
        ProviderHealth.objects.update(open_until=F("open_until") - timedelta(seconds=1))
        encounter.changed.wait()
        assert [future.result() for future in found] == ["first", "second"]
