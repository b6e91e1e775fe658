"""What live sagas need against what the code has, on a real database."""

import pytest

from sagas import Abort, Retry, child, operations, saga, step, wait
from sagas.engine import versions
from sagas.engine.versions import needed
from sagas.models import Saga
from sagas.words import registry
from sagas.words.definition import Definition
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)

NOW = Retry(attempts=1)


def order(version: int = 1, *more: str) -> Definition:
    return saga("order", *(wait(name) for name in ("paid", *more)), version=version)


def begin(world: World, definition: Definition, count: int = 1) -> list[Saga]:
    """So many sagas of a definition, each as far as it comes; then the code knows nothing."""
    with registry.replaced([definition]):
        begun = [operations.start(definition.name, actor="a test").saga for _ in range(count)]
        world.work()
    return begun


def lines(*known: Definition) -> dict[tuple[str, int], tuple[str, int]]:
    with registry.replaced(known):
        return {(line.name, line.version): (line.state, line.live) for line in versions.lines()}


def sentences(*known: Definition) -> list[str]:
    with registry.replaced(known):
        return [line.sentence for line in versions.lines()]


def test_what_live_sagas_need_is_one_query(world: World, django_assert_num_queries) -> None:
    first, second = order(1), order(2)
    begin(world, first, 3)
    begin(world, second)
    with django_assert_num_queries(1):
        found = needed()
    assert found == {("order", 1, first.fingerprint): 3, ("order", 2, second.fingerprint): 1}


def test_an_ended_saga_needs_nothing(world: World) -> None:
    (found,) = begin(world, order())
    with registry.replaced([order()]):
        operations.cancel(found.pk, actor="ann", reason="wrong one")
        world.work()
    assert needed() == {}


def test_the_highest_version_is_current_and_the_one_before_drains_and_then_can_go(world: World) -> None:
    (found,) = begin(world, order(1))
    assert lines(order(1), order(2)) == {("order", 1): ("draining", 1), ("order", 2): ("current", 0)}
    with registry.replaced([order(1)]):
        operations.signal(found.pk, "paid", actor="bank")
        world.work()
    assert lines(order(1), order(2)) == {("order", 1): ("can go", 0), ("order", 2): ("current", 0)}


def test_a_changed_table_under_live_sagas_is_seen(world: World) -> None:
    begin(world, order(1), 2)
    begin(world, order(1, "shipped"))
    assert lines(order(1, "shipped")) == {("order", 1): ("changed under live sagas", 3)}
    assert sentences(order(1, "shipped"), order(2)) == [
        "The table of saga 'order' version 1 was changed while 2 live sagas need the one before: put that one back, "
        "and give the changed table version=3 beside it.",
        "New sagas 'order' run on version 2; no live sagas need it.",
    ]


def test_a_changed_table_without_live_sagas_is_fine() -> None:
    assert lines(order(1, "shipped")) == {("order", 1): ("current", 0)}


def test_a_version_that_the_code_has_lost_is_missing(world: World) -> None:
    begin(world, order(1))
    assert lines(order(2)) == {("order", 1): ("missing", 1), ("order", 2): ("current", 0)}
    assert sentences() == [
        "1 live saga needs saga 'order' version 1, which the code has no longer: put it back until they have ended."
    ]


def test_an_old_version_stays_while_another_table_has_it_as_a_child() -> None:
    inner = saga("shipping", wait("picked_up"))
    newer = saga("shipping", wait("picked_up"), version=2)
    outer = saga("order", child(inner))
    assert lines(inner, newer, outer)["shipping", 1] == ("current", 0)
    assert "Saga 'shipping' version 1 is a child of order; no live sagas need it." in sentences(inner, newer, outer)


def test_a_completed_child_is_needed_while_its_ancestors_may_undo_it(world: World) -> None:
    innermost = saga("label", step(world.print_label, compensation=world.void_label))
    inner = saga("shipping", child(innermost))
    outer = saga("order", child(inner), wait("paid"))
    (found,) = begin(world, outer)
    assert Saga.objects.get(definition="label").state == "completed"
    assert set(needed()) == {(table.name, 1, table.fingerprint) for table in (innermost, inner, outer)}
    with registry.replaced([outer]):
        operations.cancel(found.pk, actor="ann", reason="wrong one")
        world.work()
    assert (needed(), world.called) == ({}, ["print_label", "void_label"])


def test_a_completed_child_that_nothing_undoes_is_not_needed(world: World) -> None:
    inner = saga("shipping", step(world.ship, reads_only=True))
    outer = saga("order", child(inner, no_compensation="it only looks"), wait("paid"))
    begin(world, outer)
    assert set(needed()) == {("order", 1, outer.fingerprint)}


def test_a_child_that_came_to_nothing_is_not_needed(world: World) -> None:
    inner = saga("shipping", step(world.ship, compensation=world.unship, retry=NOW))
    outer = saga("order", child(inner, on_failure="incident"), wait("paid"))
    world.script("ship", Abort("no"))
    begin(world, outer)
    assert set(needed()) == {("order", 1, outer.fingerprint)}
