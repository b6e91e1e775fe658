"""The story of a saga as people read it, from sagas that really ran."""

import ast
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import BaseModel

import sagas
from sagas import Abort, RetryLater, approval, child, each, operations, saga, sleep, step, wait
from sagas.engine import wording
from sagas.engine.timeline import Reader, timeline, who
from sagas.errors import Unknown
from sagas.models import Audit, Journal, Saga
from sagas.words.lifecycle import StepState
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)

BACK = ["the saga goes back", "charge is undone", "the saga ended compensated: everything it had done is undone"]


class Settlement(BaseModel):
    status: str


def story(found: Saga, *, details: bool = False) -> list[str]:
    return [entry.text for entry in timeline(found, details=details)]


def paid(world: World, *rows, **options):
    return saga("order", step(world.charge, compensation=world.refund), *rows, **options)


def test_a_saga_that_went_well_is_told_in_its_steps(world: World) -> None:
    found = world.run_through(world.start(paid(world, step(world.ship, no_compensation="gone"))))
    assert story(found) == [
        "the saga is started by a test",
        "charge succeeded",
        "ship succeeded",
        "the saga completed",
    ]


def test_a_refusal_turns_it_back_and_every_undoing_is_told(world: World) -> None:
    world.script("ship", Abort("no such street"))
    found = world.run_through(world.start(paid(world, step(world.ship, no_compensation="gone"))))
    assert story(found)[2:] == ["ship was refused: no such street", *BACK]
    assert [entry.tone for entry in timeline(found)][2:] == ["trouble", "back", "back", "back"]
    assert [entry.path for entry in timeline(found)][2:] == ["ship", "", "charge", ""]


def test_a_refusal_and_a_failure_are_told_apart(world: World) -> None:
    world.script("ship", *[RetryLater("the roof is on fire", after=timedelta(seconds=30))] * 5)
    found = world.run_through(world.start(paid(world, step(world.ship, no_compensation="gone"))))
    tries = [text for text in story(found) if text.startswith("ship")]
    assert len(tries) == 5
    assert set(tries[:-1]) == {"ship is tried again in 30.0 s: the roof is on fire"}
    assert tries[-1] == "ship failed: the roof is on fire"


def test_what_may_have_happened_is_told_so(world: World) -> None:
    world.script("ship", Unknown("the line went dead"))
    table = paid(world, step(world.ship, compensation=world.recall, probe=world.find, probe_after=timedelta(seconds=7)))
    found = world.start(table)
    world.work(found)
    assert story(found)[-1] == "ship may have happened; its participant is asked in 7.0 s: the line went dead"


def test_a_signal_is_told_as_one_that_came_early_or_one_that_was_awaited(world: World) -> None:
    found = world.start(paid(world, wait("settled"), wait("packed")))
    operations.signal(found.pk, "packed", {}, actor="warehouse", id="7")
    world.work(found)
    operations.signal(found.pk, "settled", {}, actor="bank")
    world.work(found)
    assert story(found)[1:] == [
        "the signal packed came early, and is kept",
        "charge succeeded",
        "settled is waited for",
        "the signal settled came",
        "settled is there and accepted",
        "packed is waited for",
        "packed took what had come for it",
        "packed is there and accepted",
        "the saga completed",
    ]


def test_a_signal_that_nothing_waits_for_is_told_so(world: World) -> None:
    found = world.start(paid(world))
    operations.signal(found.pk, "rumour", {}, actor="bank")
    assert story(found)[-1] == "the signal rumour came, and no row waits for it"


def test_a_decision_is_told_with_who_made_it_and_why(world: World) -> None:
    found = world.start(paid(world, approval("large")))
    world.work(found)
    operations.decide(found.pk, step="large", approved=False, actor="person:ann", reason="too dear")
    world.work(found)
    assert story(found)[2:] == [
        "large waits for a person's yes or no",
        "ann decided: decide large (too dear)",
        "large got a no",
        "large failed: person:ann said no: too dear",
        *BACK,
    ]


def test_a_verb_is_told_once_with_its_reason(world: World) -> None:
    world.script("charge", Abort("the bank says no"))
    world.script("charge", {"from": "charge"})
    table = saga("order", step(world.charge, compensation=world.refund, on_failure="incident"))
    found = world.start(table)
    world.work(found)
    assert story(found)[-2:] == [
        "charge needs a person (refused): the bank says no",
        "the saga is stuck: nothing moves until a person decides",
    ]
    operations.retry(found.pk, actor="cli:ann", reason="the bank is open again")
    world.work(found)
    assert story(found)[-3:] == [
        "cli:ann decided: retry (the bank is open again)",
        "charge succeeded",
        "the saga completed",
    ]
    assert "charge is tried again" in story(found, details=True)


def test_a_pause_is_told_and_what_comes_meanwhile(world: World) -> None:
    found = world.start(paid(world, wait("settled")))
    world.work(found)
    operations.pause(found.pk, actor="ann", reason="lunch")
    operations.signal(found.pk, "settled", {}, actor="bank")
    operations.resume(found.pk, actor="ann", reason="back")
    world.work(found)
    assert story(found)[3:] == [
        "ann decided: pause (lunch)",
        "the signal settled came during the pause, and is kept",
        "ann decided: resume (back)",
        "settled took what had come for it",
        "settled is there and accepted",
        "the saga completed",
    ]


def test_the_items_of_a_list_are_told_by_their_number(world: World) -> None:
    world.script("pack", {}, Abort("out of boxes"))
    lines = each("lines", step(world.pack, compensation=world.unpack), items=lambda ctx: [1, 2], concurrency=1)
    found = world.run_through(world.start(paid(world, lines)))
    assert story(found)[2:] == [
        "lines has 2 items",
        "pack[0] succeeded",
        "pack[1] was refused: out of boxes",
        "lines failed as a whole",
        "the saga goes back",
        "pack[0] is undone",
        "charge is undone",
        "the saga ended compensated: everything it had done is undone",
    ]


def test_a_child_is_named_and_its_end_is_told(world: World) -> None:
    inner = saga("inner", step(world.pack, compensation=world.unpack))
    found = world.start(saga("outer", child(inner, name="packing"), sleep(timedelta(seconds=1), name="a_while")))
    world.work()
    born = Saga.objects.get(definition="inner")
    assert story(found)[1:] == [
        f"packing is saga {born.pk}; its end is awaited",
        "packing is done: the child completed",
        "the saga sleeps (a_while)",
    ]


def test_a_deadline_is_told(world: World) -> None:
    found = world.start(paid(world, wait("settled"), deadline=timedelta(hours=1)))
    world.work(found)
    world.sweep_later(timedelta(hours=2))
    world.work(found)
    assert story(found)[-4:] == [
        "the saga goes back: its deadline passed",
        "settled is called off",
        "charge is undone",
        "the saga ended compensated: everything it had done is undone",
    ]


def test_two_decisions_of_one_moment_keep_their_reasons(world: World) -> None:
    found = world.start(paid(world, wait("settled")))
    for verb, reason in ((operations.pause, "lunch"), (operations.resume, "back")):
        verb(found.pk, actor="ann", reason=reason)
    at = Journal.objects.filter(saga=found).latest("rev").at
    Journal.objects.filter(saga=found, actor="ann").update(at=at)
    Audit.objects.filter(saga=found).update(at=at)
    assert story(found)[-2:] == ["ann decided: pause (lunch)", "ann decided: resume (back)"]


def test_the_news_are_told_once(world: World) -> None:
    found = world.start(paid(world, wait("settled")))
    reader = Reader(found)
    assert next(entry.text for entry in reader.news()) == "the saga is started by a test"
    world.work(found)
    assert "settled is waited for" in [entry.text for entry in reader.news()]
    assert reader.news() == []


def test_what_was_told_piece_by_piece_is_what_is_told_at_once(world: World) -> None:
    world.script("refund", Abort("the bank says no"))
    found = world.start(paid(world, wait("settled")))
    reader, told = Reader(found), []

    def listen() -> None:
        told.extend(entry for entry in reader.news() if entry.tone != "quiet")

    world.work(found)
    listen()
    operations.pause(found.pk, actor="ann", reason="lunch")
    listen()
    operations.signal(found.pk, "settled", {}, actor="bank")
    listen()
    operations.cancel(found.pk, actor="ann", reason="enough")
    operations.resume(found.pk, actor="ann", reason="back")
    world.run_through(found)
    listen()
    operations.retry(found.pk, actor="ann", reason="again")
    world.run_through(found)
    listen()
    assert told == timeline(found)
    assert found.state == "cancelled"


def test_workers_are_told_apart_by_the_end_of_their_ids() -> None:
    assert who(str(UUID(int=0xABCDEF))) == "worker …abcdef"
    assert (who("person:ann"), who("service"), who("sweep")) == ("ann", "service", "sweep")


def test_every_move_has_its_words() -> None:
    noted = set(notes())
    assert {"claimed", "again", "paused", "items called off"} <= noted
    known = {*wording.OF_STEPS, *wording.OF_SAGAS, "stored"}
    assert noted <= known, "tell it in sagas/engine/wording.py"
    assert known - noted <= set(StepState), "nothing writes these any more"


def notes() -> list[str]:
    """What the code writes into the journal: the second argument of `move`, and the `did` of what is appended."""
    found = []
    for path in Path(sagas.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "move":
                found += [leaf.value for arg in node.args[1:] for leaf in ast.walk(arg) if is_text(leaf)]
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found += [value.value for key, value in pairs if is_text(key) and key.value == "did" and is_text(value)]
    return found


def is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
