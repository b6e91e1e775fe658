import json
import logging
import logging.config
import sys

import pytest
import structlog

from orchestrator import logs


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
