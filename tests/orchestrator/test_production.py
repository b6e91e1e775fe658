import sys

import pytest

from orchestrator import production
from orchestrator.production import Deployment
from tests.harness.product import Product

POSTGRESQL = "postgres://user:password@127.0.0.1:1/orders"
FIT = {
    "secret_key": "k" * 50,
    "api_key": "a" * 32,
    "vault_keys": ["a" * 43 + "="],
    "debug": False,
    "allowed_hosts": ["sagas.example.com"],
    "database": {"ENGINE": "django.db.backends.postgresql"},
    "broker_url": "redis://broker:6379/0",
    "email_backend": "django.core.mail.backends.smtp.EmailBackend",
}


@pytest.mark.parametrize("api_key", ["a" * 32, ""])
def test_a_proper_deployment_meets_no_objection(api_key):
    assert production.objections(Deployment(**{**FIT, "api_key": api_key})) == []


@pytest.mark.parametrize(
    ("setting", "value", "variable"),
    [
        ("secret_key", "", "SECRET_KEY"),
        ("secret_key", production.DEVELOPMENT_SECRET_KEY, "SECRET_KEY"),
        ("secret_key", "k" * 31, "SECRET_KEY"),
        ("api_key", production.DEVELOPMENT_API_KEY, "API_KEY"),
        ("api_key", "a" * 15, "API_KEY"),
        ("vault_keys", ["a" * 43 + "=", "a word"], "VAULT_KEYS"),
        ("debug", True, "DEBUG"),
        ("allowed_hosts", [], "ALLOWED_HOSTS"),
        ("allowed_hosts", ["*"], "ALLOWED_HOSTS"),
        ("database", {"ENGINE": "django.db.backends.sqlite3"}, "DATABASE_URL"),
        ("broker_url", "", "BROKER_URL"),
        ("broker_url", "memory://", "BROKER_URL"),
        ("email_backend", "django.core.mail.backends.filebased.EmailBackend", "EMAIL_URL"),
    ],
)
def test_what_is_unfit_is_named_with_its_variable(setting, value, variable):
    (objection,) = production.objections(Deployment(**{**FIT, setting: value}))
    assert objection.startswith(variable)
    assert "set" in objection


def test_a_production_process_does_not_start_with_nothing_set():
    with Product(database_url="sqlite:///unused", broker_url="memory://") as product:
        process = product.start("check", PYTHON_IMPORTS_SETTINGS, environment={"MODE": "production", "API_KEY": "weak"})
        assert process.wait() != 0
        for variable in (
            "SECRET_KEY",
            "API_KEY",
            "ALLOWED_HOSTS",
            "DATABASE_URL",
            "BROKER_URL",
            "EMAIL_URL",
            "VAULT_KEYS",
        ):
            assert f"{variable} is" in process.output() or f"{variable} does" in process.output()


def test_a_production_process_starts_when_all_is_set():
    environment = {
        "MODE": "production",
        "SECRET_KEY": "k" * 50,
        "API_KEY": "a" * 32,
        "ALLOWED_HOSTS": "sagas.example.com",
        "EMAIL_URL": "smtp+tls://user:password@127.0.0.1:1",
        "VAULT_KEYS": "a" * 43 + "=",
    }
    with Product(database_url=POSTGRESQL, broker_url="redis://127.0.0.1:1/0", environment=environment) as product:
        process = product.start("check", PYTHON_IMPORTS_SETTINGS)
        assert process.wait() == 0, process.output()


def test_a_production_site_behind_https_meets_no_objection_of_djangos():
    environment = {
        "MODE": "production",
        "SECRET_KEY": "".join(map(chr, range(40, 100))),
        "API_KEY": "",
        "ALLOWED_HOSTS": "sagas.example.com",
        "BEHIND_HTTPS_PROXY": "on",
        "EMAIL_URL": "smtp+tls://user:password@127.0.0.1:1",
        "VAULT_KEYS": "a" * 43 + "=",
    }
    with Product(database_url=POSTGRESQL, broker_url="redis://127.0.0.1:1/0", environment=environment) as product:
        said = product.manage("check", "--deploy", "--fail-level", "WARNING")
        assert "no issues" in said


def test_an_unknown_mode_is_refused_by_name():
    with Product(database_url=POSTGRESQL, broker_url="memory://", environment={"MODE": "prod"}) as product:
        process = product.start("check", PYTHON_IMPORTS_SETTINGS)
        assert process.wait() != 0
        assert "MODE is 'prod': set it to development or production." in process.output()


def test_services_that_are_no_json_are_refused_with_an_example():
    environment = {"SAGA_SERVICES": "{payments: http://127.0.0.1:9001}"}
    with Product(database_url=POSTGRESQL, broker_url="memory://", environment=environment) as product:
        process = product.start("check", PYTHON_IMPORTS_SETTINGS)
        assert process.wait() != 0
        assert 'Write it as {"payments": {"url": ' in process.output()


PYTHON_IMPORTS_SETTINGS = [sys.executable, "-c", "from django.conf import settings; settings.DATABASES"]
