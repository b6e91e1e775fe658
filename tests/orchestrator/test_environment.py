"""A slip in the environment is told in a sentence that names the variable and shows how it is written."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from orchestrator.environment import Environment, installable

EXAMPLE = {"payments": {"url": "..."}}


@pytest.fixture
def environment(monkeypatch):
    def environment(**variables: str) -> Environment:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Environment()

    return environment


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "mysql://shop@db/shop",
            "DATABASE_URL begins with 'mysql', and sagas live in PostgreSQL or SQLite: set it to pos",
        ),
        ("localhost:5432/shop", "DATABASE_URL"),
        ("shop", "DATABASE_URL"),
        ("postgres://shop@db:fivefour/shop", "DATABASE_URL"),
        ("postgres://shop@db:5432/", "DATABASE_URL names no database at its end"),
        ("postgres://shop@db:5432", "DATABASE_URL names no database at its end"),
        ("sqlite://:memory:", "DATABASE_URL"),
        ("", "DATABASE_URL"),
    ],
)
def test_an_address_of_no_database_is_refused_with_one_that_is(environment, url, sentence):
    with pytest.raises(ImproperlyConfigured) as refused:
        environment(DATABASE_URL=url).database("DATABASE_URL")
    assert str(refused.value).startswith(sentence)
    assert "postgres://user:password@host:5432/name" in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgres://shop:secret@db:5432/shop", "postgresql:///shop", "sqlite:////var/sagas.db"]
)
def test_an_address_of_a_database_is_read(environment, url):
    assert environment(DATABASE_URL=url).database("DATABASE_URL")["NAME"] in ("shop", "/var/sagas.db")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", "SAGA_SERVICES is not JSON: "),
        ("[1]", "SAGA_SERVICES is no JSON object."),
        ("'{}'", "SAGA_SERVICES is not"),
    ],
)
def test_what_is_no_json_object_is_refused_with_an_example(environment, given, sentence):
    with pytest.raises(ImproperlyConfigured) as refused:
        environment(SAGA_SERVICES=given).document("SAGA_SERVICES", EXAMPLE)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith('Write it as {"payments": {"url": "..."}}.')


def test_a_json_object_is_read_and_none_is_empty(environment):
    assert environment(SAGA_SERVICES='{"a": {}}').document("SAGA_SERVICES", EXAMPLE) == {"a": {}}
    assert environment(SAGA_SERVICES="").document("SAGA_SERVICES", EXAMPLE) == {}
    assert environment().document("NO_SUCH_VARIABLE", EXAMPLE) == {}


def test_what_is_no_number_is_refused(environment):
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_POOL is 'ten': set it to a whole number, such as 10."):
        environment(DATABASE_POOL="ten").number("DATABASE_POOL", 10)
    assert environment(DATABASE_POOL="12").number("DATABASE_POOL", 10) == 12
    assert environment().number("NO_SUCH_VARIABLE", 10) == 10


def test_an_app_that_is_not_there_is_refused():
    assert installable("APPS", ["examples.shop", " json ", ""]) == ["examples.shop", "json"]
    with pytest.raises(ImproperlyConfigured, match="APPS names 'trps', and Python finds no package of that name"):
        installable("APPS", ["json", "trps"])
