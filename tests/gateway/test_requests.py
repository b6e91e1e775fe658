"""What is noted of every request: its id, a line, and figures."""

import logging

import pytest
from django.test import Client

from gateway import counters

SECRET = "a-secret-in-the-path"


@pytest.fixture(autouse=True)
def nothing_counted():
    counters.forget()
    yield
    counters.forget()


def lines(caplog) -> list[dict]:
    return [vars(record) for record in caplog.records if record.name == "gateway.requests"]


@pytest.mark.django_db(transaction=True)
def test_an_answer_names_its_request_as_the_caller_did(service):
    assert service.get("/api/echo/", headers={"X-Request-ID": "order-7.1"}).headers["X-Request-ID"] == "order-7.1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "new\nline", "é"])
def test_a_name_that_is_not_plain_is_not_taken_over(service, given):
    name = service.get("/api/echo/", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert name != given
    assert len(name) == 32


@pytest.mark.django_db(transaction=True)
def test_what_changes_something_has_a_line_with_its_route_and_no_path(service, caplog):
    caplog.set_level(logging.INFO)
    service.send("/api/orders/?key=" + SECRET, {"customer": "anna"}, **{"Idempotency-Key": SECRET})
    [line] = lines(caplog)
    assert (line["msg"], line["method"], line["route"], line["status"]) == (
        "a request is answered",
        "POST",
        "api/orders/",
        201,
    )
    assert line["caller"] == "service"
    assert SECRET not in str(line)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "route", "status", "level"),
    [
        ("/api/echo/", "api/echo/", 200, "DEBUG"),
        (f"/api/{SECRET}/", "none", 404, "INFO"),
        ("/api/breaks/bug/", "api/breaks/<what>/", 500, "WARNING"),
        ("/api/breaks/throttled/", "api/breaks/<what>/", 429, "INFO"),
    ],
)
def test_a_refusal_is_told_and_a_failure_louder(service, caplog, path, route, status, level):
    caplog.set_level(logging.DEBUG)
    service.raise_request_exception = False
    assert service.get(path).status_code == status
    [line] = lines(caplog)
    assert (line["route"], line["status"], line["levelname"]) == (route, status, level)
    assert counters._tally._counted["api_requests_total", ("GET", route, str(status)), ""] == 1.0


@pytest.mark.django_db(transaction=True)
def test_strange_methods_and_people_s_pages_are_counted_without_their_names(service):
    service.generic("BREW", "/api/echo/")
    service.get("/plain/")
    labels = [labels for name, labels, _ in counters._tally._counted if name == "api_requests_total"]
    assert ("OTHER", "api/echo/", "405") in labels
    assert ("GET", "console", "503") in labels


def test_probes_are_not_noted(caplog):
    caplog.set_level(logging.DEBUG)
    Client().get("/livez")
    assert lines(caplog) == []
    assert not [name for name, _, _ in counters._tally._counted if name == "api_requests_total"]
