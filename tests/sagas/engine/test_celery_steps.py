"""Celery tasks that exist already, as steps, unchanged."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app, shared_task
from celery.exceptions import Ignore, Reject
from pydantic import BaseModel

from sagas import Retry, celery_step, saga, step
from sagas.models import Run
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db

TWICE = Retry(attempts=2)
called: list[tuple[str, dict[str, Any]]] = []
raises: list[Exception] = []


@shared_task(name="tests.charge")
def charge(amount: int, currency: str = "EUR") -> dict[str, Any]:
    called.append(("charge", {"amount": amount, "currency": currency}))
    if raises:
        raise raises.pop(0)
    return {"charged": amount}


@shared_task(name="tests.refund", bind=True)
def refund(self: Any, key: str, charged: int) -> None:
    called.append(("refund", {"key": key, "charged": charged}))


@shared_task(name="tests.busy", bind=True, max_retries=9)
def busy(self: Any, amount: int) -> int:
    called.append(("busy", {"amount": amount}))
    if len(called) == 1:
        raise self.retry(countdown=5)
    return amount


@shared_task(name="tests.anything")
def anything(**given: Any) -> None:
    called.append(("anything", given))


@pytest.fixture(autouse=True)
def _nothing_called_yet() -> Iterator[None]:
    called.clear()
    raises.clear()
    yield


class Order(BaseModel):
    amount: int
    customer: str = "ann"


def order(action: str, **options: Any) -> Any:
    refunding = celery_step(
        "tests.refund", lambda ctx: {"key": ctx.action.key, "charged": ctx.action.result["charged"]}
    )
    return saga("order", step(celery_step(action), compensation=refunding, retry=TWICE, **options), input=Order)


def test_a_task_runs_inside_the_attempt_with_what_it_wants_of_the_input(world: World) -> None:
    found = world.run_through(world.start(order("tests.charge"), {"amount": 5}))
    assert (found.state, called) == ("completed", [("charge", {"amount": 5, "currency": "EUR"})])
    assert run_of(found, "charge").result == {"charged": 5}


def test_a_task_that_takes_anything_is_given_the_whole_input(world: World) -> None:
    world.run_through(world.start(order("tests.anything"), {"amount": 5}))
    assert called == [("anything", {"amount": 5, "customer": "ann"})]


def test_a_task_is_a_compensation_too_and_is_given_what_arguments_says(world: World) -> None:
    def fail(ctx: Any) -> None:
        raise ValueError("oops")

    table = order("tests.charge")
    rows = (*table.rows, step(fail, reads_only=True, retry=Retry(attempts=1)))
    found = world.run_through(world.start(saga("order", *rows, input=Order), {"amount": 5}))
    assert found.state == "compensated"
    assert called[-1] == ("refund", {"key": f"{found.pk}:charge:0:1", "charged": 5})


def test_after_its_own_retry_nobody_knows_whether_it_had_acted(world: World) -> None:
    found = world.start(order("tests.busy"), {"amount": 5})
    world.deliver_one(run_of(found, "busy"))
    assert (run_of(found, "busy").happened, run_of(found, "busy").code) == ("maybe", "unknown")
    assert world.run_through(found).state == "completed"
    assert [name for name, _ in called] == ["busy", "busy"]


@pytest.mark.parametrize("refusal", [Ignore(), Reject("no")])
def test_ignore_and_reject_are_a_refusal(world: World, refusal: Exception) -> None:
    raises.append(refusal)
    found = world.run_through(world.start(order("tests.charge"), {"amount": 5}))
    assert (found.state, run_of(found, "charge").happened, len(called)) == ("compensated", "no", 1)


def test_any_other_exception_is_an_unknown_outcome(world: World) -> None:
    raises.append(ConnectionError("gone"))
    found = world.start(order("tests.charge"), {"amount": 5})
    world.deliver_one(run_of(found, "charge"))
    assert run_of(found, "charge").happened == "maybe"
    assert world.run_through(found).state == "completed"


def test_a_task_that_this_worker_does_not_know_is_not_now_and_never_lost(world: World) -> None:
    found = world.start(order("tests.nowhere"), {"amount": 5})
    world.work(found)
    nowhere = Run.objects.get(saga=found)
    assert (nowhere.happened, nowhere.work, "tests.nowhere" in nowhere.error) == ("no", "due", True)
    assert "tests.nowhere" not in current_app.tasks
