"""Spans: none without an address, and else in one trace, without the words of an exception."""

import importlib.util
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import tracing

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "_on", True)
    monkeypatch.setattr(tracing, "_provider", provider)
    yield kept
    provider.shutdown()


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    [span] = spans.get_finished_spans()
    return span


def test_without_an_address_there_is_no_span():
    assert not tracing.is_on()
    with tracing.span("a", CALLER) as span:
        assert span.traceparent == tracing.traceparent() == ""
        tracing.note({"more": 1}, failed=True)
    assert tracing.new_trace("b", CALLER) == CALLER


def test_an_address_without_the_extra_is_told_and_changes_nothing(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://jaeger:4318")
    assert tracing._wanted()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not tracing._wanted()
    assert "install the extra" in caplog.text
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not tracing._wanted()


def test_a_span_belongs_to_the_one_under_way_or_else_to_the_one_that_was_stored(spans):
    with tracing.span("outer", CALLER) as outer, tracing.span("inner", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"):
        assert outer.traceparent.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
        tracing.note({"more": 1}, name="renamed")
    inner, outer_span = spans.get_finished_spans()
    assert (inner.name, dict(inner.attributes)) == ("renamed", {"more": 1})
    assert inner.parent.span_id == outer_span.context.span_id
    assert f"{outer_span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert tracing.traceparent() == ""


def test_what_a_caller_does_not_want_recorded_is_not_and_its_mark_goes_on(spans):
    with tracing.span("a", CALLER[:-2] + "00") as span:
        assert span.traceparent.endswith("-00")
    assert spans.get_finished_spans() == ()


def test_an_exception_leaves_its_kind_and_not_its_words(spans):
    with pytest.raises(ValueError, match="secret"), tracing.span("a"):
        raise ValueError("a secret")
    span = only(spans)
    assert (span.attributes["error.type"], span.status.is_ok) == ("ValueError", False)
    assert "a secret" not in span.to_json()


def test_a_new_trace_is_linked_to_the_one_before(spans):
    with tracing.span("something else"):
        stored = tracing.new_trace("order goes on", CALLER, {"saga.id": "7"})
    span = next(span for span in spans.get_finished_spans() if span.name == "order goes on")
    assert span.parent is None
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["4bf92f3577b34da6a3ce929d0e0e4736"]
    assert stored[:52] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"
