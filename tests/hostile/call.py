"""One request exactly as a web server hands it over, any bytes in it, and what came back."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from orchestrator.wsgi import application


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request; words in braces, such as `{waiting}`, stand for what a scene has under that name."""

    path: str
    method: str = "GET"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def line(self) -> str:
        """As one line of JSON, to be stored and replayed."""
        return json.dumps({**vars(self), "headers": dict(self.headers), "body": self.body.decode("latin-1")})

    @classmethod
    def read(cls, line: str) -> "Call":
        """What `line` wrote."""
        stored = json.loads(line)
        return cls(**{**stored, "body": stored.get("body", "").encode("latin-1")})

    def meant(self, names: Mapping[str, str]) -> "Call":
        """With what the words in braces stand for."""

        def put(text: str) -> str:
            for name, value in names.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        return Call(
            path=put(self.path),
            method=self.method,
            query=put(self.query),
            headers={name: put(value) for name, value in self.headers.items()},
            body=put(self.body.decode("latin-1")).encode("latin-1"),
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and the tracebacks that were logged meanwhile."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    logged: str = ""


def answered(call: Call) -> Answer:
    """Send it through the whole stack, from the web server's side."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        begun.append((status, headers))

    with _errors() as logged, _connections_kept():
        answer: Any = application(_environ(call), start)
        try:
            body = b"".join(answer)
        finally:
            answer.close()
    status, headers = begun[0]
    return Answer(status=int(status.split()[0]), headers=dict(headers), body=body, logged="\n".join(logged))


def _environ(call: Call) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(call.path).decode("latin-1"),
        "QUERY_STRING": call.query.encode("latin-1", "replace").decode("latin-1"),
        "CONTENT_LENGTH": str(len(call.body)) if call.body else "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(call.body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in call.headers.items():
        known = name.upper().replace("-", "_")
        environ[known if known in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{known}"] = value
    return environ


@contextmanager
def _connections_kept() -> Iterator[None]:
    """A request's begin and end close connections, and this one holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@contextmanager
def _errors() -> Iterator[list[str]]:
    found: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                found.append(logging.Formatter().formatException(record.exc_info))

    ear = Ear(logging.ERROR)
    logging.getLogger().addHandler(ear)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(ear)
