"""A saga's spans: one trace through its slices and calls; after a long rest a new one that is linked to it."""

from datetime import timedelta

import httpx
import pytest

from sagas import Abort, operations, saga, step, wait
from sagas.engine import transport
from sagas.models import Saga
from tests.gateway.test_tracing import CALLER, spans
from tests.sagas.world import World

__all__ = ["spans"]

pytestmark = pytest.mark.django_db

SECRET = "4111-1111-1111-1111"
TRACE = CALLER[3:35]


def names(found) -> list[str]:
    return [span.name for span in found.get_finished_spans()]


def traces(found) -> set[str]:
    return {f"{span.context.trace_id:032x}" for span in found.get_finished_spans()}


def test_a_saga_is_one_trace_with_its_calls_and_its_way_back(world: World, spans, settings):
    settings.SAGAS = {"SERVICES": {"payments": {"url": "https://payments.test"}}}
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["traceparent"])
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=httpx.ByteStream(b'{"id": 7}'))

    world.script("charge", lambda ctx: ctx.service("payments").post("/charges", json={"card": SECRET}).json)
    world.script("ship", Abort(f"{SECRET} is declined", code="declined"))
    table = saga("order", step(world.charge, compensation=world.refund), step(world.ship, no_compensation="a test"))
    with transport.replaced(httpx.MockTransport(answer)):
        started = world.start(table, {"card": SECRET}, traceparent=CALLER)
        world.run_through(started)
    slices, others = "order", [name for name in names(spans) if name != "order"]
    assert others == ["order start", "POST payments", "order/charge", "order/ship", "order/charge compensation"]
    assert slices in names(spans)
    assert traces(spans) == {TRACE}
    call = next(span for span in spans.get_finished_spans() if span.name == "POST payments")
    assert [header[:52] for header in sent] == [f"00-{TRACE}-{call.context.span_id:016x}"]
    ship = next(span for span in spans.get_finished_spans() if span.name == "order/ship")
    assert dict(ship.attributes) == {
        "saga.id": str(started.pk),
        "saga.definition": "order",
        "saga.step": "ship",
        "saga.attempt": 1,
        "saga.doing": "action",
        "saga.outcome": "refused",
        "saga.code": "declined",
    }
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


@pytest.mark.parametrize(("rest", "is_new"), [(timedelta(minutes=59), False), (timedelta(minutes=61), True)])
def test_after_a_long_rest_a_new_trace_begins_that_is_linked_to_the_one_before(world: World, spans, rest, is_new):
    table = saga("order", wait("paid", timeout=timedelta(days=1)), step(world.ship, no_compensation="a test"))
    started = world.start(table, traceparent=CALLER)
    before = Saga.objects.get().traceparent
    world.later(rest)
    operations.signal(started.pk, "paid", actor="payments")
    world.run_through(started)
    after = Saga.objects.get().traceparent
    ship = next(span for span in spans.get_finished_spans() if span.name == "order/ship")
    assert f"{ship.context.trace_id:032x}" == after[3:35]
    assert (after[3:35] != TRACE) == is_new
    if is_new:
        [link] = next(span for span in spans.get_finished_spans() if span.name == "order goes on").links
        assert f"{link.context.span_id:016x}" == before[36:52]


def test_without_traces_the_caller_s_own_is_kept_and_nothing_rests(world: World):
    table = saga("order", wait("paid", timeout=timedelta(days=1)))
    started = world.start(table, traceparent=CALLER)
    world.later(timedelta(hours=5))
    operations.signal(started.pk, "paid", actor="payments")
    assert Saga.objects.get().traceparent == CALLER
