"""What one person alone may not do: another approves it, and both stand in the audit."""

from datetime import timedelta

import pytest

from sagas import Abort, operations, saga, step
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Audit, BulkItem, BulkOperation, Proposal, Saga
from sagas.operations import second
from sagas.operations.bulk import begin_bulk
from sagas.operations.working import run_bulk

pytestmark = pytest.mark.django_db

ANN = {"actor": "ann", "reason": "it is beyond repair", "tenant": "default"}
BOB = {"actor": "bob", "reason": "I agree", "tenant": "default"}


@pytest.fixture(autouse=True)
def two_persons(settings):
    more = {"SECOND_PERSON_FOR": ("give_up",), "SECOND_PERSON_OVER": 2}
    settings.SAGAS = {**settings.SAGAS, **more}


@pytest.fixture
def stuck(world):
    table = saga("one", step(world.charge, no_compensation="none", on_failure="incident"))
    world.knows(table)

    def make() -> Saga:
        world.script("charge", Abort("no"))
        found = world.start(table)
        world.work(found)
        found.refresh_from_db()
        return found

    return make


def test_nobody_gives_up_alone_whichever_way(stuck):
    found = stuck()
    with pytest.raises(NotAllowed, match="A second person must approve give up") as refused:
        operations.give_up(found.pk, actor="ann", reason="enough")
    assert (refused.value.code, refused.value.allowed) == ("needs_second_person", ["ask"])
    bulk = {"rate": 60, "selection": {}}
    with pytest.raises(NotAllowed, match="second person"):
        begin_bulk("give_up", Saga.objects.all(), **ANN, **bulk)
    assert not BulkOperation.objects.exists()


def test_others_verbs_and_a_look_ahead_need_nobody(stuck):
    found = stuck()
    assert operations.preview("give_up", found.pk, actor="ann", reason="a look").state == "failed"
    operations.pause(found.pk, actor="ann", reason="a look")


def test_another_person_approves_and_the_audit_names_both(stuck):
    found = stuck()
    asked = second.ask("give_up", found.pk, **ANN)
    found.refresh_from_db()
    assert found.ended_at is None
    done = second.approve(asked.pk, **BOB)
    found.refresh_from_db()
    assert (found.state, done.state, done.decided_by) == ("failed", "done", "bob")
    entries = [(entry.verb, entry.actor, entry.reason) for entry in Audit.objects.order_by("id")]
    assert entries == [
        ("ask", "ann", "it is beyond repair"),
        ("give_up", "ann", "it is beyond repair (approved by bob: I agree)"),
        ("approve", "bob", "I agree"),
    ]


def test_nobody_approves_their_own(stuck):
    asked = second.ask("give_up", stuck().pk, **ANN)
    with pytest.raises(NotAllowed, match="You asked for it yourself"):
        second.approve(asked.pk, **{**BOB, "actor": "ann"})
    assert Proposal.objects.get().state == "open"
    second.refuse(asked.pk, **{**BOB, "actor": "ann"})  # but takes it back
    assert Proposal.objects.get().state == "refused"


def test_nobody_approves_their_own_however_long_their_name_is(stuck):
    name = "person:" + "n" * 150  # kept without its end
    asked = second.ask("give_up", stuck().pk, **{**ANN, "actor": name})
    with pytest.raises(NotAllowed, match="You asked for it yourself"):
        second.approve(asked.pk, **{**BOB, "actor": name})


def test_nobody_approves_their_own_through_another_door(stuck):
    asked_for = second.ask("give_up", stuck().pk, actor="cli:ann", reason="enough", tenant="default")
    with pytest.raises(NotAllowed) as refused:
        second.approve(asked_for.pk, actor="person:ann", reason="I agree with myself", tenant="default")
    assert refused.value.code == "own_proposal"


def test_what_was_decided_or_has_expired_is_not_decided_again(stuck, world):
    asked = second.ask("give_up", stuck().pk, **ANN)
    second.refuse(asked.pk, **BOB)
    with pytest.raises(NotAllowed, match="decided already: refused, by bob"):
        second.approve(asked.pk, **BOB)
    late = second.ask("give_up", stuck().pk, **ANN)
    world.later(timedelta(days=2))
    with pytest.raises(NotAllowed, match="it has expired"):
        second.approve(late.pk, **BOB)
    assert Saga.objects.filter(state="failed").count() == 0


def test_what_does_not_fit_any_more_is_outdated(stuck):
    found = stuck()
    asked = second.ask("give_up", found.pk, **ANN)
    operations.pause(found.pk, actor="carol", reason="wait")
    with pytest.raises(NotAllowed, match="Something was decided") as refused:
        second.approve(asked.pk, **BOB)
    assert refused.value.code == "stale_page"
    outdated = Proposal.objects.get()
    assert (outdated.state, outdated.decided_by) == ("outdated", "bob")
    found.refresh_from_db()
    assert found.ended_at is None


def test_what_does_not_fit_is_not_asked_for(stuck, world):
    found = stuck()
    with pytest.raises(InvalidInput, match="Say why"):
        second.ask("give_up", found.pk, **{**ANN, "reason": " "})
    with pytest.raises(InvalidInput, match="cannot be asked for"):
        second.ask("pause", found.pk, **ANN)
    with pytest.raises(NotFound):
        second.ask("give_up", found.pk, **{**ANN, "tenant": "another"})
    asked = second.ask("give_up", found.pk, **ANN)
    with pytest.raises(NotFound):
        second.approve(asked.pk, **{**BOB, "tenant": "another"})
    with pytest.raises(NotFound):
        second.approve(asked.pk, **BOB, definitions=["another"])


def test_many_at_once_are_approved_as_they_were_chosen(stuck):
    sagas = [stuck() for _ in range(3)]
    about = {"rate": 600, "selection": {"filter": {}}}
    with pytest.raises(NotAllowed, match="pause of 3 sagas"):
        begin_bulk("pause", Saga.objects.all(), **ANN, **about)
    begin_bulk("pause", Saga.objects.filter(pk__in=[one.pk for one in sagas[:2]]), **ANN, **about)
    asked = second.ask_bulk("give_up", Saga.objects.all(), **ANN, **about)
    stuck()  # and is not meant
    assert asked.count == 3
    done = second.approve(asked.pk, **BOB)
    assert [item.saga_id for item in BulkItem.objects.filter(operation=done.operation)] == [one.pk for one in sagas]
    assert done.operation.actor == "ann"
    assert "approved by bob" in done.operation.reason


def test_each_of_many_that_were_approved_is_done(stuck, world):
    stuck()
    asked = second.ask_bulk("give_up", Saga.objects.all(), **ANN, rate=600, selection={})
    done = second.approve(asked.pk, **BOB)
    run_bulk()
    assert [item.state for item in done.operation.items.all()] == ["recovered"]
    assert Saga.objects.get().state == "failed"
