"""One audit entry for each thing that a person did, never changed; and a stale page is refused."""

import pytest

from sagas import operations
from sagas.errors import InvalidInput, NotAllowed
from sagas.models import Audit, Saga
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, STATES, fresh
from tests.sagas.operations.test_allowing import ORDER, ways
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

EXPECTING = sorted(set(ORDER) - {"signal"})
"""All verbs that take the counter of decisions."""


@pytest.mark.parametrize("name", STATES)
def test_each_verb_that_does_something_is_one_entry_with_who_what_and_why(world: World, name: str) -> None:
    for verb in sorted(set(operations.allowed(fresh(STATES[name](world)))) - {"signal"}):
        states.put_aside(world)
        found = fresh(STATES[name](world))
        before = list(Audit.objects.order_by("id").values())
        for way in ways(verb, found):
            try:
                getattr(operations, verb)(found.pk, **{**way, "actor": "eve", "reason": "as agreed"})
            except NotAllowed:
                continue
            break
        after = list(Audit.objects.order_by("id").values())
        assert after[:-1] == before
        entry = after[-1]
        assert (entry["saga_id"], entry["verb"], entry["actor"], entry["reason"]) == (
            found.pk,
            verb,
            "eve",
            "as agreed",
        )
        assert entry["path"] == way.get("step", "") or verb == "retry"


def test_an_entry_names_the_step_its_item_and_the_details(world: World) -> None:
    found = states.held_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=True, **BY)
    entry = Audit.objects.get()
    assert (entry.verb, entry.path, entry.item, entry.details) == ("resolve", "ship", 0, {"landed": True})


@pytest.mark.parametrize("verb", EXPECTING)
def test_a_verb_without_a_reason_is_refused(world: World, verb: str) -> None:
    found = states.completed(world) if verb == "clone" else states.held_in_doubt(world)
    way = next(iter(ways(verb, found)))
    for reason in ("", " \n"):
        with pytest.raises(InvalidInput) as refusal:
            getattr(operations, verb)(found.pk, **{**way, "reason": reason})
        assert refusal.value.errors[0]["pointer"] == "/reason"
    assert not Audit.objects.exists()


@pytest.mark.parametrize("name", STATES)
def test_every_verb_on_a_stale_page_is_refused(world: World, name: str) -> None:
    found = fresh(STATES[name](world))
    before = found.rev
    for verb in set(operations.allowed(found)) - {"signal"}:
        for way in ways(verb, found):
            with pytest.raises(NotAllowed) as refusal:
                getattr(operations, verb)(found.pk, expect=found.decisions - 1, **way)
            assert refusal.value.code == "stale_page"
    assert fresh(found).rev == before


def test_a_page_is_stale_after_a_verb_a_turn_and_an_incident_and_not_after_a_step(world: World) -> None:
    found = states.begun(world, states.wait("settled"), states.step(world.ship, reads_only=True, on_failure="incident"))
    page = fresh(found).decisions
    world.work()
    assert fresh(found).decisions == page
    operations.pause(found.pk, expect=page, **BY)
    page = _more(found, page)
    operations.resume(found.pk, **BY)
    page = _more(found, page)
    world.script("ship", states.Abort("no"))
    operations.signal(found.pk, "settled", actor="bank")
    assert fresh(found).decisions == page
    world.work()
    page = _more(found, page)
    world.script("refund", states.Abort("cannot"))
    operations.cancel(found.pk, expect=page, **BY)
    page = _more(found, page)
    world.work()
    _more(found, page)


def test_a_page_is_stale_after_a_step_turned_the_saga_back(world: World) -> None:
    found = states.begun(world)
    page = fresh(found).decisions
    world.script("charge", states.Abort("no"))
    world.work()
    _more(found, page)


def _more(found: Saga, page: int) -> int:
    now = fresh(found).decisions
    assert now > page
    return now


def test_a_double_click_does_it_once(world: World) -> None:
    found = fresh(states.held_refused(world))
    operations.retry(found.pk, expect=found.decisions, **BY)
    with pytest.raises(NotAllowed) as refusal:
        operations.retry(found.pk, expect=found.decisions, **BY)
    assert refusal.value.code == "stale_page"
    assert Audit.objects.count() == 1


def test_the_journal_has_the_actor_of_every_verb(world: World) -> None:
    found = states.due(world)
    operations.pause(found.pk, actor="eve", reason="look")
    assert list(found.journal.values_list("actor", flat=True)) == ["a test", "eve"]
