"""The notification service alone: processes, a database and a broker of its own; and the shop that talks to it."""

import json
import signal
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from tests.acceptance.between import passing_on
from tests.acceptance.scene import MINUTE, numbers
from tests.harness.migrated import migrated
from tests.harness.processes import free_port
from tests.harness.product import API_KEY, PROGRAMS, Product
from tests.harness.waiting import wait_until
from tests.notifications import smtp
from tests.notifications.smtp import MailServer

PATH = "/api/v1/notifications/"
LONG = 3 * MINUTE
MESSAGE = {"receiver": {"email": "jane@example.org"}, "content": "Hello."}
PRODUCTION = {
    "MODE": "production",
    "SECRET_KEY": "a-long-secret-key-that-only-this-test-knows",
    "API_KEY": "an-api-key-of-this-test",
    "ALLOWED_HOSTS": "127.0.0.1",
    "VAULT_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "WORKER_CONCURRENCY": "1",
}


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with smtp.listening() as server:
        yield server


def test_its_procfile_starts_it_alone_in_production(postgres, redis, mail_server):
    port = free_port()
    database = postgres.create_database(f"alone{port}")
    environment = {**PRODUCTION, "WEB_PORT": str(port), "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}"}
    with Product(database_url=database, broker_url=redis.url, environment=environment) as product:
        product.manage("migrate", "--verbosity", "0", environment={"SERVES": "notifications"})
        command = [str(PROGRAMS / "honcho"), "-f", "Procfile.notifications", "start"]
        everything = product.start("honcho", command)
        headers = {"Authorization": f"Bearer {PRODUCTION['API_KEY']}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as api:
            wait_until(lambda: answers(api), "it is ready", LONG)
            pk = api.post(PATH, json=MESSAGE).raise_for_status().json()["id"]
            wait_until(lambda: api.get(f"{PATH}{pk}/").json()["status"] == "sent", "it is sent", LONG)
            assert len(mail_server.mails) == 1
            assert api.get("/api/v1/sagas/").status_code == 404
            assert api.get("/admin/login/").status_code == 200
            described = api.get("/api/v1/schema/").json()["paths"]
            assert all(path.startswith(PATH) for path in described)
        everything.signal(signal.SIGTERM)
        everything.wait(timedelta(seconds=60))
    with psycopg.connect(database) as connection:
        tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert "notifications_notification" in tables
    assert not [name for name in tables if name.startswith("sagas_")]


def test_a_worker_that_is_killed_between_the_message_and_its_record_doubles_no_mail(
    postgres, redis, scene, mail_server
):
    """The coordinator's worker dies when the service has accepted and nobody was told: the call is repeated."""
    database = migrated(postgres, f"letters{next(numbers)}", serves="notifications")
    environment = {"SERVES": "notifications", "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}"}
    broker = f"{redis.url.rpartition('/')[0]}/1"
    with (
        Product(database_url=database, broker_url=broker, environment=environment) as letters,
        passing_on(letters.web(threads=4).url) as between,
        scene(environment={"SERVES": "sagas"}) as scene,
    ):
        services = {**scene.shop.services, "notifications": {"url": between.url, "token": API_KEY}}
        scene.product.environment["SAGA_SERVICES"] = json.dumps(services)
        between.open.clear()
        killed = scene.worker("prefork", 1)
        scene.order()
        wait_until(lambda: between.keys, "the message is accepted", LONG)
        killed.kill()
        between.open.set()
        scene.worker("threads", 2)
        scene.product.beat()
        assert scene.all_end(within=LONG) == {"completed": 1}
        letters.worker(pool="threads", concurrency=2)
        wait_until(lambda: mail_server.mails, "the mail comes", LONG)
        assert len(between.keys) >= 2 and len(set(between.keys)) == 1
        with psycopg.connect(database) as connection:
            found = connection.execute("SELECT status, tries FROM notifications_notification").fetchall()
        assert len(found) == 1
        assert len(mail_server.mails) == 1


def answers(api: httpx.Client) -> bool:
    """Whether it is ready, and somebody sweeps; false also while nobody listens yet."""
    try:
        return api.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
