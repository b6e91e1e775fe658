"""The Procfile, in production mode, on PostgreSQL and Redis."""

import os
import signal
from datetime import timedelta

import httpx

from tests.harness.processes import free_port
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
    environment = {**PRODUCTION, "WEB_PORT": str(port)}
    url = postgres.create_database(f"procfile{port}")
    with Product(database_url=url, broker_url=redis.url, environment=environment) as product:
        product.manage("migrate")
        everything = product.start("honcho", [str(PROGRAMS / "honcho"), "start"])
        everything.wait_until_it_says(" ready.", LONG)
        everything.wait_until_it_says("celery beat", LONG)
        wait_until(
            lambda: httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200, "the web server answers", LONG
        )
        started = everything.children()
        everything.signal(signal.SIGTERM)
        everything.wait()
        assert started
        wait_until(lambda: not any(map(alive, started)), "all that honcho started has ended")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
