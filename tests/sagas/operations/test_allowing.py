"""`allowed` lists exactly the verbs that then do something, in every state that there is."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sagas import operations
from sagas.errors import NotAllowed
from sagas.models import Audit, Run, Saga, Signal
from sagas.operations.allowing import allowed_of_each
from sagas.record import clock
from sagas.words.lifecycle import SagaState
from tests.sagas.operations.states import BY, STATES, fresh, put_aside
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

ORDER = ["signal", "decide", "cancel", "pause", "resume", "retry", "resolve"]
ORDER += ["skip", "reschedule", "compensate", "waive", "give_up", "tell_again", "clone"]


def ways(verb: str, found: Saga) -> Iterator[dict[str, Any]]:
    """Every sensible way of calling the verb on that saga."""
    rows = list(Run.objects.filter(saga=found).exclude(kind=Run.Kind.MESSAGE).values_list("path", "item"))
    at = clock.now() + timedelta(hours=2)
    match verb:
        case "signal":
            yield {"name": "settled", "actor": "bank"}
        case "decide":
            yield from ({"step": path, "approved": True, **BY} for path, _ in rows)
        case "clone":
            yield {"confirm_effects": True, **BY}
        case "reschedule":
            yield {"at": at, **BY}
            yield from ({"step": path, "item": item, "at": at, **BY} for path, item in rows)
        case "retry":
            yield BY
            yield from ({"step": path, "item": item, **BY} for path, item in rows)
        case "resolve":
            yield from ({"step": path, "item": item, "landed": True, **BY} for path, item in rows)
        case "skip" | "waive":
            yield from ({"step": path, "item": item, **BY} for path, item in rows)
        case _:
            yield BY


def does_something(verb: str, found: Saga, arguments: dict[str, Any]) -> bool:
    """Would the verb be accepted, and move anything? Nothing of it stays."""
    with transaction.atomic():
        before = Audit.objects.count() + Signal.objects.count()
        try:
            getattr(operations, verb)(found.pk, **arguments)
        except NotAllowed:
            return False
        finally:
            after = Audit.objects.count() + Signal.objects.count()
            transaction.set_rollback(True)
    return after > before


@pytest.mark.parametrize("name", STATES)
def test_allowed_lists_exactly_the_verbs_that_do_something(world: World, name: str) -> None:
    found = fresh(STATES[name](world))
    listed = operations.allowed(found)
    succeeding = [verb for verb in ORDER if any(does_something(verb, found, way) for way in ways(verb, found))]
    assert listed == succeeding
    assert fresh(found).rev == found.rev


def test_the_states_are_all_that_there_are(world: World) -> None:
    seen = set()
    for build in STATES.values():
        seen.add(fresh(build(world)).state)
        put_aside(world)
    assert seen == set(SagaState)


def test_a_refusal_lists_what_is_allowed_instead(world: World) -> None:
    found = STATES["stuck_on_the_way_back"](world)
    with pytest.raises(NotAllowed) as refusal:
        operations.skip(found.pk, step="charge", **BY)
    assert refusal.value.allowed == operations.allowed(fresh(found)) != []


@pytest.mark.parametrize("name", STATES)
def test_a_verb_that_is_refused_changes_nothing_and_is_no_audit_entry(world: World, name: str) -> None:
    found = fresh(STATES[name](world))
    audits = Audit.objects.filter(saga=found).count()
    for verb in set(ORDER) - {"signal"} - set(operations.allowed(found)):
        for way in ways(verb, found):
            if verb in ("cancel", "compensate") and found.is_going_back and not found.ended_at:
                assert getattr(operations, verb)(found.pk, **way).is_going_back  # it does so already
            else:
                with pytest.raises(NotAllowed):
                    getattr(operations, verb)(found.pk, **way)
    assert (fresh(found).rev, Audit.objects.filter(saga=found).count()) == (found.rev, audits)


def test_many_are_looked_at_as_one_alone_is(world: World) -> None:
    found = []
    for build in STATES.values():
        found.append(fresh(build(world)))
        put_aside(world)
    assert allowed_of_each(found) == {one.pk: operations.allowed(one) for one in found}


def test_many_take_as_many_statements_as_one_of_each_kind(world: World) -> None:
    kinds = ("pivot_in_doubt", "stuck_on_the_way_back", "waiting_for_a_decision", "in_back_off", "held_refused")
    found: list[Saga] = []
    costs = []
    for _ in range(2):
        for name in kinds:
            found.append(fresh(STATES[name](world)))
            put_aside(world)
        with CaptureQueriesContext(connection) as taken:
            allowed_of_each(found)
        costs.append(len(taken))
    assert costs[0] == costs[1] <= 12
