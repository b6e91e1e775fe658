"""The Procfile, in production mode, on PostgreSQL and Redis."""

import os
import signal
from datetime import timedelta

import httpx
import psycopg

from tests.harness.processes import Process, free_port
from tests.harness.product import PROGRAMS, Product
from tests.harness.waiting import wait_until

LONG = timedelta(minutes=5)
"""Five processes begin at once, beside another test."""
PRODUCTION = {
    "MODE": "production",
    "SECRET_KEY": "a-long-secret-key-that-only-this-test-knows",
    "API_KEY": "an-api-key-of-this-test",
    "ALLOWED_HOSTS": "127.0.0.1",
    "VAULT_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "WORKER_CONCURRENCY": "2",
}


def test_it_starts_everything_and_stops_it_again(postgres, redis):
    port = free_port()
    environment = {**PRODUCTION, "WEB_PORT": str(port), "GUNICORN_CMD_ARGS": "--access-logfile -"}
    url = postgres.create_database(f"procfile{port}")
    with Product(database_url=url, broker_url=redis.url, environment=environment) as product:
        product.manage("migrate")
        everything = product.start("honcho", [str(PROGRAMS / "honcho"), "start"])
        everything.wait_until_it_says(" ready.", LONG)
        everything.wait_until_it_says("celery beat", LONG)
        wait_until(lambda: workers_at(url) == 2, "both processes of the worker are known", LONG)
        wait_until(
            lambda: httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200, "the web server answers", LONG
        )
        asked_with_a_token(everything, f"http://127.0.0.1:{port}")
        started = everything.children()
        everything.signal(signal.SIGTERM)
        everything.wait()
        assert started
        wait_until(lambda: not any(map(alive, started)), "all that honcho started has ended")
    assert workers_at(url) == 0  # each said goodbye


def asked_with_a_token(everything: Process, site: str) -> None:
    """Ask for an address that is signed: it stands in no log, the web server's own included, which is on here."""
    token = f"{'a' * 60}:1tRk2V:{'b' * 43}"
    answer = httpx.post(f"{site}/api/v1/notifications/unsubscribe/{token}/", headers={"X-Request-ID": "mail-7"})
    assert answer.status_code == 404
    everything.wait_until_it_says("POST 404", LONG)
    assert "mail-7" in everything.output()
    assert token[:40] not in everything.output()


def workers_at(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM sagas_worker").fetchone()
    return row[0] if row else 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
