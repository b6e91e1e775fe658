import json
import threading

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from gateway import health, pulse

released = threading.Event()


def well() -> str | None:
    return None


def unwell() -> str | None:
    return "nobody has swept for 40 s"


def slow() -> str | None:
    return health.Minor("the broker is slow")


def broken() -> str | None:
    raise ValueError("a secret")


def hanging() -> str | None:
    released.wait()
    return None


@pytest.fixture(autouse=True)
def _forget_what_was_known(monkeypatch):
    monkeypatch.setattr(pulse, "_pulse", pulse.Pulse())
    monkeypatch.setattr(health, "_running", {})
    released.clear()
    yield
    released.set()


def use_checks(settings, *names: str) -> None:
    settings.GATEWAY = {"READINESS": [f"tests.gateway.test_health.{name}" for name in names]}


def test_livez_needs_no_database():
    answer = Client().get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/admin/", 400), ("/livez/", 400)])
def test_probes_call_a_process_by_its_address_and_nobody_else_does(client, settings, path, status):
    use_checks(settings, "well")
    settings.ALLOWED_HOSTS = ["sagas.example.org"]
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == status


@pytest.mark.django_db(transaction=True)
def test_readyz_is_well_with_the_database_and_all_checks(settings):
    use_checks(settings, "well")
    assert Client().get("/readyz").json()["checks"] == {"database": "ok", "tests.gateway.test_health.well": "ok"}


def test_readyz_without_a_database_is_a_503_with_retry_after(settings):
    use_checks(settings, "well")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["checks"] == {
        "database": "it does not answer",
        "tests.gateway.test_health.well": "not asked, since the database does not answer",
    }
    assert answer.json()["detail"] == "Not ready. database: it does not answer."


def test_a_door_without_a_database_is_a_503_with_retry_after(service):
    answer = service.get("/api/echo/")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.django_db(transaction=True)
def test_what_is_minor_is_told_and_takes_nothing_out_of_service(settings):
    use_checks(settings, "well", "slow")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["tests.gateway.test_health.slow"] == "the broker is slow"


@pytest.mark.django_db(transaction=True)
def test_the_database_is_asked_anew_for_each_probe(settings, monkeypatch):
    use_checks(settings, "well")
    assert Client().get("/readyz").status_code == 200
    monkeypatch.setattr(pulse.Pulse, "_ask", lambda self, asked: None)  # from now on it does not answer
    assert Client().get("/readyz").json()["checks"]["database"] == "it does not answer"


def test_what_the_broker_does_not_take_is_minor(monkeypatch):
    assert health.broker() is None
    monkeypatch.setattr("gateway.doorbell.failing_since", lambda: 0.0)
    told = health.broker()
    assert isinstance(told, health.Minor) and "it has taken no message for" in told


@pytest.mark.django_db
def test_a_database_without_our_tables_is_not_ready(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    assert health.migrated() is None
    monkeypatch.setattr(health, "_migrated", False)
    [(_, last)] = MigrationLoader(connection).graph.leaf_nodes("gateway")
    MigrationRecorder.Migration.objects.filter(app="gateway", name=last).delete()
    assert health.migrated() == f"1 migrations are missing, gateway.{last} first; run manage.py migrate"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "sentence"),
    [("unwell", "nobody has swept for 40 s"), ("broken", "the check raised ValueError"), ("hanging", "not answered")],
)
def test_readyz_says_which_check_is_not_well_and_why(settings, name, sentence):
    use_checks(settings, "well", name)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert sentence in answer.json()["checks"][f"tests.gateway.test_health.{name}"]
    assert answer.json()["checks"]["tests.gateway.test_health.well"] == "ok"
    assert "secret" not in json.dumps(answer.json())


@pytest.mark.django_db(transaction=True)
def test_a_check_that_hangs_is_not_started_a_second_time(settings):
    use_checks(settings, "hanging")
    Client().get("/readyz")
    Client().get("/readyz")
    assert sum(thread.name.endswith("hanging") for thread in threading.enumerate()) == 1
