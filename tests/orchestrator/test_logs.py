import ast
import json
import logging
import logging.config
import os
import shlex
import sys
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote
from uuid import UUID

import pytest
import structlog
from django.test import Client
from gunicorn.config import Config
from gunicorn.glogging import Logger, SafeAtoms

from notifications import unsubscribing
from orchestrator import logs
from sagas.engine import links
from tests.docs.pages import first_cells, page, quoted, section
from tests.test_architecture import OURS, REPOSITORY


@pytest.fixture
def form():
    """Configure structlog for a test, and put back what was there."""
    before = structlog.get_config()
    yield logs.configured
    structlog.configure(**before)


def line_of(configuration, record):
    formatter = logging.config.DictConfigurator(configuration).configure_formatter(configuration["formatters"]["line"])
    return formatter.format(record)


def record(message, **extra):
    made = logging.getLogger("orders").makeRecord("orders", logging.INFO, __file__, 1, message, (), None, extra=extra)
    return made


def test_json_is_one_object_a_line_with_what_was_bound(form):
    line = line_of(form("json", "INFO"), record("charged\nthe card", saga="order-1"))
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["event"], entry["saga"], entry["level"], entry["logger"]) == (
        "charged\nthe card",
        "order-1",
        "info",
        "orders",
    )
    assert entry["timestamp"].endswith("Z")


def failed_record():
    token = "a-secret-value"  # noqa: F841 - a local variable, as any function has
    try:
        raise ValueError("no such card")
    except ValueError:
        failed = record("the step failed")
        failed.exc_info = sys.exc_info()
    return failed


def test_json_carries_an_exception_without_breaking_the_line(form):
    line = line_of(form("json", "INFO"), failed_record())
    assert "\n" not in line
    assert json.loads(line)["exception"][0]["exc_value"] == "no such card"


@pytest.mark.parametrize("kind", ["json", "console"])
def test_a_traceback_does_not_show_the_values_of_variables(form, kind):
    line = line_of(form(kind, "INFO"), failed_record()).replace("\n", "")
    assert "no such card" in line
    assert "failed_record" in line
    assert "a-secret-value" not in line.replace('token = "a-secret-value"', "")


def test_the_console_is_for_people(form):
    line = line_of(form("console", "INFO"), record("charged the card", saga="order-1"))
    assert "charged the card" in line
    assert "saga=order-1" in line


@pytest.mark.parametrize(
    ("line", "role"),
    [
        ("/usr/bin/gunicorn orchestrator.wsgi --workers 2", "web"),
        ("celery -A orchestrator worker --pool prefork", "worker"),
        ("/venv/bin/celery -A orchestrator beat", "beat"),
        ("manage.py consume", "consumer"),
        ("manage.py publish", "publisher"),
        ("manage.py up --port 0", "up"),
        ("manage.py saga list", "command"),
        ("", "command"),
    ],
)
def test_a_process_says_what_kind_it_is(line, role):
    assert logs.role(line.split()) == role


def test_every_line_says_which_process_wrote_it(form):
    entry = json.loads(line_of(form("json", "INFO"), record("charged")))
    assert (entry["process"], entry["pid"]) == (logs._ROLE, os.getpid())


def test_while_something_is_out_the_driver_says_so_seldom(monkeypatch):
    now = 100.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    seldom = logs.Seldom()
    assert [seldom.filter(record("refused")) for _ in range(3)] == [True, False, False]
    now += 31
    assert seldom.filter(record("refused"))


def test_django_s_lines_about_requests_are_ours_but_for_tracebacks(form):
    kept = form("json", "INFO")["filters"]["failures"]["callback"]
    assert not kept(record("Not Found: /api/v1/sagas/by-key/order/a-key/"))
    assert kept(failed_record())


PLAIN = ["saga:charge:0:1", f"order:{UUID(int=7)}", "a" * 60, f"{'f' * 64} is its hash", "10:43"]
PATH = "/api/v1/notifications/"
ADDRESSES = {
    "callback": links.signal_url(UUID(int=7), "paid", "n-1"),
    "approval": links.approval_url(UUID(int=7), "released", "anna"),
    "unsubscribe": f"{PATH}unsubscribe/{unsubscribing.token('default', 'email', 'jane@example.org', 'news')}/",
    "quoted": f"{PATH}unsubscribe/{quote(unsubscribing.token('t', 'email', 'j@example.org', 'news'))}/",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("kind", ["json", "console"])
def test_a_line_shows_no_signed_address_wherever_it_stands(form, kind, address):
    configuration, token = form(kind, "INFO"), address.split("/")[-2]
    said = record(f'"POST {address} HTTP/1.1" 404', reason=f"from {address}")
    try:
        raise ValueError(address)
    except ValueError:
        said.exc_info = sys.exc_info()
    line = line_of(configuration, said)
    assert token not in line
    assert line.count(address.replace(token, "[signed]")) == 3


@pytest.mark.parametrize(
    "said", ["saga:charge:0:1", f"order:{UUID(int=7)}", "a" * 60, f"{'f' * 64} is its hash", "10:43"]
)
def test_what_is_not_signed_is_shown_as_it_is(form, said):
    assert said in line_of(form("console", "INFO"), record(said))


def test_the_line_of_a_failed_request_names_it_and_hides_what_was_signed(form, caplog):
    """Without a database the view fails, and Django says so with the path and the request itself."""
    address = ADDRESSES["unsubscribe"]
    client = Client(raise_request_exception=False, headers={"X-Request-ID": "mail-7"})
    answer = client.post(address, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    assert answer.status_code == 500
    [failed] = [each for each in caplog.records if each.name == "django.request" and each.exc_info]
    assert address in failed.getMessage()
    with structlog.contextvars.bound_contextvars(request="mail-7"):
        entry = json.loads(line_of(form("json", "INFO"), failed))
    assert (entry["event"], entry["request"]) == (f"Internal Server Error: {PATH}unsubscribe/[signed]/", "mail-7")


@pytest.mark.parametrize("procfile", ["Procfile", "Procfile.notifications"])
def test_whoever_switches_the_access_log_on_reads_no_addresses_in_it(procfile):
    [line] = [each for each in (REPOSITORY / procfile).read_text().splitlines() if "gunicorn" in each]
    words = shlex.split(line)
    form, address = words[words.index("--access-logformat") + 1], ADDRESSES["unsubscribe"]
    asked = {"REQUEST_METHOD": "POST", "RAW_URI": address, "PATH_INFO": address, "SERVER_PROTOCOL": "HTTP/1.1"}
    asked |= {"HTTP_REFERER": address, "QUERY_STRING": address, "REMOTE_ADDR": "203.0.113.7"}
    request = SimpleNamespace(headers=[("REFERER", address)])
    response = SimpleNamespace(status="200 OK", sent=17, headers=[("X-Request-ID", "mail-7")])
    atoms = Logger(Config()).atoms(response, request, asked, timedelta(milliseconds=3))
    said = form % SafeAtoms(atoms)
    assert said.startswith("203.0.113.7 ")
    assert said.endswith(" POST 200 17 3000 mail-7")
    assert "unsubscribe" not in said


def test_the_fields_are_those_that_are_documented():
    documented = quoted(first_cells(section(page("monitoring.md"), "Logs")))
    levels = {"CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"}
    assert sorted(set(documented) - levels) == sorted(logs.FIELDS)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_line_has_no_other_fields(path):
    assert fields_in(path) <= logs.FIELDS


def fields_in(path) -> set[str]:
    """What is bound to lines, or given with one as `extra`, as far as it is written down there."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "extra":
                    inside = [each for each in ast.walk(keyword.value) if isinstance(each, ast.Dict)]
                    found |= {key.value for each in inside for key in each.keys if isinstance(key, ast.Constant)}
                elif getattr(node.func, "id", "") == "bound_contextvars" and keyword.arg:
                    found.add(keyword.arg)
    return found
