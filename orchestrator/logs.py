"""Logging: everything goes through structlog's formatter, for people on a console or as one JSON object a line.

`event` is what happened, in words; the facts are fields beside it, the same in all processes. `FIELDS` are all there
are; docs/operating.md explains them.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

FIELDS = frozenset(
    (
        *("timestamp", "level", "logger", "event", "process", "pid", "exception", "error"),
        *("saga", "definition", "version", "step", "item", "attempt", "doing", "worker"),
        *("outcome", "code", "reason", "cause", "state", "kind", "after", "seconds", "verb", "actor"),
        *("request", "trace", "method", "route", "status", "caller"),
        *("notification", "provider", "receiver"),
    )
)
"""The names of all fields that a line of ours may have."""

SIGNED = re.compile(r"(?<![\w-])\.?[\w-]++(?:(?::|%3A)[\w-]++)?(?::|%3A)[\w-]{43}(?![\w-])", re.IGNORECASE)
"""What Django has signed: who reads such an address in a log could decide, call back or unsubscribe by it."""
HIDDEN = "[signed]"

SELDOM = timedelta(seconds=30)


def role(arguments: Sequence[str]) -> str:
    """What kind of process this is, from its command line: web, worker, beat, consumer, publisher, up, or command."""
    program, rest = Path(arguments[0]).name if arguments else "", list(arguments[1:])
    if program == "gunicorn":
        return "web"
    found = next((word for word in rest if word in ("worker", "beat", "consume", "publish", "up")), "")
    return {"consume": "consumer", "publish": "publisher"}.get(found, found) or "command"


_ROLE = role(sys.argv)


class Seldom(logging.Filter):
    """Lets one line through, and for half a minute no other one of that logger."""

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._next.get(record.name, 0.0):
            return False
        self._next[record.name] = now + SELDOM.total_seconds()
        return True


class Line(structlog.stdlib.ProcessorFormatter):
    """A line without signed addresses, whoever wrote it: Django and its server name the path of a request."""

    def format(self, record: logging.LogRecord) -> str:
        return SIGNED.sub(HIDDEN, super().format(record))


def _has_a_traceback(record: logging.LogRecord) -> bool:
    return record.exc_info is not None


def _name_the_request(logger: WrappedLogger, name: str, entry: EventDict) -> EventDict:
    """Django's lines carry the request itself, in the field that is its name in ours."""
    if not isinstance(entry.get("request", ""), str):
        entry["request"] = structlog.contextvars.get_contextvars().get("request", "")
    return entry


def _add_process(logger: WrappedLogger, name: str, entry: EventDict) -> EventDict:
    entry["process"], entry["pid"] = _ROLE, os.getpid()
    return entry


_STAMPS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    _name_the_request,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_process,
]


def configured(form: Literal["console", "json"], level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING: `form` is what a line looks like, `level` the least that shows."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_STAMPS,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": Line,
                "foreign_pre_chain": _STAMPS,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
            }
        },
        "filters": {
            "failures": {"()": "django.utils.log.CallbackFilter", "callback": _has_a_traceback},
            "seldom": {"()": Seldom},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would print a second time, and mail every error to ADMINS.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # A line for each message, connection or request of the machinery says nothing to those who run it.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.worker.request": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING", "filters": ["seldom"]},
            "gateway.throttles": {"filters": ["seldom"]},
            # It says why a connection cannot be had, and while it cannot, several times a second.
            "psycopg.pool": {"level": "WARNING", "filters": ["seldom"]},
            # Its other lines repeat ours about a request, with the path, in which there may be keys.
            "django.request": {"filters": ["failures"]},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
    }


def _rendering(form: Literal["console", "json"]) -> list[Processor]:
    """Return what makes a line of it; tracebacks without the values of local variables, among which are secrets."""
    if form == "json":
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
