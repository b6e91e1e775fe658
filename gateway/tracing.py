"""Spans for OpenTelemetry, an optional extra: without it, or without an address to send them to, nothing happens.

    with tracing.span("order/charge", saga.traceparent, {"saga.attempt": 1}) as span:
        ...                                         # span.traceparent goes out with a call
        tracing.note({"saga.outcome": "refused"})   # of the span under way in this thread

They are sent by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`, under the name in `OTEL_SERVICE_NAME`; the other
`OTEL_…` variables of the SDK hold as well. A span has names of the code, ids and codes: never what somebody sent, nor
what an exception says.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext, Tracer

logger = logging.getLogger(__name__)

ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXIT = timedelta(seconds=2)

Kind = Literal["internal", "server", "client", "consumer"]
Value = str | int | float | bool
NONE: Mapping[str, Value] = {}

_provider: "TracerProvider | None" = None
_left_behind: "list[TracerProvider | None]" = []


def is_on() -> bool:
    """Whether spans are sent anywhere."""
    return _on


@dataclass(frozen=True, slots=True)
class Spanned:
    """The span under way: empty where there is none."""

    traceparent: str = ""
    """What goes out with a call, as W3C Trace Context."""


NOTHING = Spanned()


@contextmanager
def span(
    name: str, parent: str = "", attributes: Mapping[str, Value] = NONE, *, kind: Kind = "internal"
) -> Iterator[Spanned]:
    """A span around what is done within. It belongs to the one under way in this thread, else to `parent`."""
    if not _on:
        yield NOTHING
        return
    from opentelemetry import trace

    of = None if trace.get_current_span().get_span_context().is_valid else _context(parent)
    with _tracer().start_as_current_span(
        name,
        of,
        kind=trace.SpanKind[kind.upper()],
        attributes=attributes,
        record_exception=False,  # its words may be a participant's, or hold what was sent
        set_status_on_exception=False,
    ) as begun:
        try:
            yield Spanned(_written(begun.get_span_context()))
        except BaseException as error:
            begun.set_attribute("error.type", type(error).__name__)
            begun.set_status(trace.StatusCode.ERROR)
            raise


def note(attributes: Mapping[str, Value] = NONE, *, name: str = "", failed: bool = False) -> None:
    """Say more of the span under way in this thread: another name, attributes, that it failed."""
    if not _on:
        return
    from opentelemetry import trace

    current = trace.get_current_span()
    if name:
        current.update_name(name)
    current.set_attributes(dict(attributes))
    if failed:
        current.set_status(trace.StatusCode.ERROR)


def traceparent() -> str:
    """Of the span under way in this thread, or an empty text."""
    if not _on:
        return ""
    from opentelemetry import trace

    return _written(trace.get_current_span().get_span_context())


def new_trace(name: str, after: str, attributes: Mapping[str, Value] = NONE) -> str:
    """Begin a trace of its own that is linked to an earlier one; what belongs to it from now on."""
    if not _on:
        return after
    from opentelemetry import trace
    from opentelemetry.context import Context

    earlier = _read(after)
    links = [trace.Link(earlier)] if earlier is not None else []
    begun = _tracer().start_span(name, Context(), links=links, attributes=attributes)
    begun.end()
    return _written(begun.get_span_context())


def flush() -> None:
    """Send what is there; waits for two seconds at most."""
    if _provider is not None:
        _provider.force_flush(int(EXIT.total_seconds() * 1000))


def _wanted() -> bool:
    """Somebody said where to, and the extra is installed."""
    if not any(os.environ.get(name) for name in ADDRESSES) or os.environ.get("OTEL_SDK_DISABLED") == "true":
        return False
    try:
        found = importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        logger.warning("No traces are sent: install the extra, pip install 'saga-orchestrator[otel]'.")
    return found


def _tracer() -> "Tracer":
    global _provider
    if _provider is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "saga-orchestrator"}
        made = TracerProvider(resource=Resource.create(named))
        made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        _provider = made
    return _provider.get_tracer("saga-orchestrator")


def _context(given: str) -> Any:
    from opentelemetry import trace
    from opentelemetry.context import Context

    found = _read(given)
    return trace.set_span_in_context(trace.NonRecordingSpan(found), Context()) if found is not None else Context()


def _read(given: str) -> "SpanContext | None":
    from opentelemetry import trace

    if not given:
        return None
    _, trace_id, span_id, flags = given.split("-")
    return trace.SpanContext(int(trace_id, 16), int(span_id, 16), True, trace.TraceFlags(int(flags, 16)))


def _written(context: "SpanContext") -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


_on = _wanted()


def _renew_after_fork() -> None:
    """A child sends over connections of its own; the parent's are kept, or freeing them would close them for both."""
    global _provider
    _left_behind.append(_provider)
    _provider = None


os.register_at_fork(after_in_child=_renew_after_fork)
