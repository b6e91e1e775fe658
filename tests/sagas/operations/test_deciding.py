"""`decide`: a person's yes or no; the first one counts, and everybody else is told whose it was."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from sagas import approval, operations, parallel, saga, step, wait
from sagas.errors import InvalidInput, NotAllowed
from sagas.models import Saga
from tests.sagas.operations.states import BY, begun, come_to, fresh
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db


class Terms(BaseModel):
    discount: int


def decide(found: Saga, approved: bool = True, **options: Any) -> Saga:
    return operations.decide(found.pk, **{"step": "large", "approved": approved, **BY, **options})


def code_of(found: Saga, **options: Any) -> str:
    with pytest.raises(NotAllowed) as refusal:
        decide(found, **options)
    return f"{refusal.value.code}: {refusal.value}"


def test_who_when_why_and_the_form_are_the_rows_result(world: World) -> None:
    found = come_to(world, approval("large", form=Terms))
    decide(found, form={"discount": "5"}, actor="bob", reason="a good customer")
    world.work()
    result = run_of(found, "large").result
    assert {**result, "at": ""} == {
        "approved": True,
        "by": "bob",
        "reason": "a good customer",
        "form": {"discount": 5},
        "at": "",
    }
    assert result["at"]
    assert fresh(found).state == "completed"


def test_a_no_turns_back_by_default(world: World) -> None:
    found = come_to(world, approval("large"))
    decide(found, False)
    world.work()
    assert (fresh(found).state, world.called) == ("compensated", ["charge", "refund"])
    assert "ann said no" in fresh(found).failure["error"]


def test_a_no_may_be_a_result_like_a_yes(world: World) -> None:
    found = come_to(world, approval("large", on_no="continue"))
    decide(found, False)
    world.work()
    assert (fresh(found).state, run_of(found, "large").result["approved"]) == ("completed", False)


def test_a_decision_on_a_decided_row_is_refused_with_who_decided(world: World) -> None:
    found = come_to(world, approval("large"), wait("settled"))
    decide(found, actor="bob")
    assert "decided: large is decided: bob said yes" in code_of(found, approved=False)
    world.work()
    assert "decided: large is decided: bob said yes" in code_of(found, approved=False)
    assert run_of(found, "large").result["approved"] is True


def test_a_decision_after_the_time_is_over_is_refused_with_what_decided(world: World) -> None:
    found = come_to(world, approval("large", timeout=timedelta(minutes=1), on_timeout="continue"), wait("settled"))
    world.sweep_later(timedelta(minutes=2))
    assert "its time was over" in code_of(found)


def test_a_decision_during_a_pause_is_kept_and_counts(world: World) -> None:
    found = come_to(world, approval("large"))
    operations.pause(found.pk, **BY)
    decide(found, actor="bob")
    assert "bob said yes" in code_of(found, approved=False)
    world.work()
    assert fresh(found).state == "waiting"
    operations.resume(found.pk, **BY)
    world.work()
    assert (fresh(found).state, run_of(found, "large").result["by"]) == ("completed", "bob")


def test_only_the_group_may_decide(world: World) -> None:
    found = come_to(world, approval("large", group="sales"))
    assert code_of(found, groups=["stock"]).startswith("not_in_group")
    assert code_of(found, groups=[]).startswith("not_in_group")
    assert run_of(found, "large").work == "waiting"
    decide(found, groups=["stock", "sales"])
    world.work()
    assert fresh(found).state == "completed"


def test_a_form_that_does_not_fit_is_refused_and_the_row_still_waits(world: World) -> None:
    found = come_to(world, approval("large", form=Terms))
    for form in (None, {}, {"discount": "much"}):
        with pytest.raises(InvalidInput) as refusal:
            decide(found, form=form)
        assert refusal.value.errors[0]["pointer"] == "/form/discount"
    assert run_of(found, "large").work == "waiting"
    decide(found, False, form=None)
    world.work()
    assert fresh(found).state == "compensated"


def test_what_is_no_approval_cannot_be_decided(world: World) -> None:
    found = come_to(world, wait("settled"))
    assert code_of(found, step="settled").startswith("no_approval")
    assert code_of(found, step="nothing").startswith("no_such_step: The saga has no step 'nothing'; there are: charge")


def test_an_approval_that_is_not_open_yet_is_not_called_decided(world: World) -> None:
    found = begun(world, approval("large", when=lambda ctx: True))
    world.record(world.attempt(found, "charge"))
    assert code_of(found).startswith("not_open: large is not open yet")


def test_an_approval_that_was_skipped_cannot_be_decided(world: World) -> None:
    found = come_to(world, approval("large", when=lambda ctx: False), wait("settled"))
    assert "it is skipped" in code_of(found)
    assert "decide" not in operations.allowed(fresh(found))


def test_a_decision_needs_a_reason(world: World) -> None:
    found = come_to(world, approval("large"))
    for reason in ("", "  "):
        with pytest.raises(InvalidInput) as refusal:
            decide(found, reason=reason)
        assert refusal.value.errors[0]["pointer"] == "/reason"


def test_an_approval_on_a_saga_that_goes_back_cannot_be_decided(world: World) -> None:
    found = come_to(world, approval("large"), step(world.ship, reads_only=True))
    operations.cancel(found.pk, **BY)
    assert "it is cancelled" in code_of(found)
    world.work()
    assert "it is cancelled" in code_of(found)


def test_an_approval_of_two_is_decided_by_its_name(world: World) -> None:
    found = world.start(saga("both", parallel(approval("left"), approval("right"))))
    world.work()
    decide(found, step="right")
    world.work()
    assert (run_of(found, "left").work, run_of(found, "right").state) == ("waiting", "succeeded")
