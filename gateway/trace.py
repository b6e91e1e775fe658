"""The trace that a request belongs to, as W3C Trace Context carries it from service to service."""

import re

from django.http import HttpRequest

from gateway import tracing

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_of(request: HttpRequest) -> str:
    """The request's `traceparent`, or an empty text when there is none that is valid."""
    given: str = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else ""


def trace_id_of(request: HttpRequest) -> str:
    """The id of the trace that the request belongs to, 32 hexadecimal digits, or an empty text."""
    return id_of(tracing.traceparent() or traceparent_of(request))


def id_of(traceparent: str) -> str:
    """The id of that trace, or an empty text."""
    return traceparent[3:35]
