"""What is noted of every request: an id, a line in the log, figures, and its span.

Named by its route, such as `POST api/v1/sagas/<uuid:saga_id>/<slug:verb>/`, and never by its path: there may be keys in
that. The caller's `X-Request-ID` is taken over if it is plain, and comes back with the answer.
"""

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

from gateway import conf, tracing
from gateway.callers import Caller
from gateway.counters import Counter, Histogram
from gateway.ids import uuid7
from gateway.trace import id_of, traceparent_of

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READING = ("GET", "HEAD", "OPTIONS")
PROBES = ("/livez", "/readyz", "/metrics")

ANSWERED = Counter(
    name="api_requests_total",
    help="Requests that were answered, by method, route and status; refusals have their own status.",
    labels=("method", "route", "status"),
)
SECONDS = Histogram(
    name="api_request_seconds",
    help="How long it took until they were; those that wait for a saga included.",
    labels=("method", "route"),
)


class RequestMiddleware:
    """Stands first, around all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in PROBES:
            return self._get_response(request)
        began, named = time.monotonic(), request_id(request)
        parent = traceparent_of(request)
        with tracing.span(_method(request), parent, {"http.request.method": _method(request)}, kind="server") as span:
            trace = id_of(span.traceparent or parent)
            with bound_contextvars(request=named, **({"trace": trace} if trace else {})):
                response = self._get_response(request)
                response.headers[HEADER] = named
                _note(request, response, time.monotonic() - began)
        return response


def request_id(request: HttpRequest) -> str:
    """What the caller calls the request, or a new name."""
    given: str = request.headers.get(HEADER, "")
    return given if PLAIN.fullmatch(given) else uuid7().hex


def route_of(request: HttpRequest) -> str:
    """The address as our code has it: "console" for people's pages, "none" for what leads nowhere."""
    found = request.resolver_match
    if found is None:
        return "none"
    return found.route if request.path.startswith(conf.current().API_PREFIX) else "console"


def _note(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    method, route, status = _method(request), route_of(request), response.status_code
    ANSWERED.add(method, route, str(status))
    SECONDS.observe(seconds, method, route)
    tracing.note(
        {"http.route": route, "http.response.status_code": status}, name=f"{method} {route}", failed=status >= 500
    )
    user = request.__dict__.get("user")
    caller = {"caller": user.name} if type(user) is Caller else {}  # a person's session is not asked for
    fields = {"method": method, "route": route, "status": status, "seconds": round(seconds, 3), **caller}
    logger.log(_level(method, status), "a request is answered", extra=fields)


def _level(method: str, status: int) -> int:
    """What changed something, or was refused, is told; what failed is told louder."""
    if status >= 500:
        return logging.WARNING
    return logging.DEBUG if method in READING and status < 400 else logging.INFO


def _method(request: HttpRequest) -> str:
    return request.method if request.method in METHODS else "OTHER"
