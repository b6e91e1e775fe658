"""`manage.py saga incidents` and `bulk`: one cause, and all its sagas at once, from a terminal."""

import pytest

from sagas import Abort, Retry, saga, step
from sagas.models import BulkOperation, Incident, Proposal, Saga
from sagas.operations.working import run_bulk
from tests.harness.waiting import wait_until
from tests.sagas.management.test_saga_command import Ran

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(world):
    table = saga("order", step(world.charge, compensation=world.refund, on_failure="incident", retry=Retry(attempts=1)))
    world.knows(table)
    return table


@pytest.fixture
def held(world, order):
    """Two sagas that need a person for the same reason."""
    world.script("charge", Abort("no money today"), Abort("no money today"))
    found = [world.start(order, {"n": n}, business_key=f"o-{n}") for n in (1, 2)]
    for one in found:
        world.work(one)
    return found


def test_causes_are_listed_with_a_sentence_and_what_to_do(held):
    said = Ran("incidents").out
    assert "● 2 × order charge: abort, since " in said
    assert "no money today" in said
    assert "manage.py saga bulk retry --definition order --step charge --reason-code abort --dry-run" in said
    (group,) = Ran("incidents", "--definition", "order", "--json").json
    assert (group["definition"], group["path"], group["sagas"]) == ("order", "charge", 2)
    assert Ran("incidents", "--definition", "trip").out == "Nothing needs a person.\n"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(held):
    found = Ran("bulk", "retry", "--step", "charge", "--dry-run")
    assert "→ retry: 2 sagas fit; 2 can be asked." in found.out
    assert "Nothing was changed." in found.out
    assert not BulkOperation.objects.exists()


def test_one_verb_for_all_sagas_of_a_cause(world, held):
    words = ("--definition", "order", "--step", "charge", "--reason-code", "abort", "--rate", "60000")
    begun = Ran("bulk", "retry", *words, "--reason", "the bank has money", "--json").json
    assert begun["counts"]["waiting"] == 2
    operation = BulkOperation.objects.get(pk=begun["id"])
    assert (operation.reason, operation.actor.startswith("cli:")) == ("the bank has money", True)

    def all_have_recovered() -> bool:
        BulkOperation.objects.update(at=operation.at)
        run_bulk()
        for one in held:
            world.work(one)
        return BulkOperation.objects.get().state == BulkOperation.State.DONE

    wait_until(all_have_recovered, "all have recovered")
    assert set(Saga.objects.values_list("state", flat=True)) == {"completed"}
    assert not Incident.objects.open().exists()


def test_what_is_watched_longer_than_its_time_goes_on(held):
    words = ("--step", "charge", "--reason", "the bank has money", "--follow", "--timeout", "0.1")
    found = Ran("bulk", "retry", *words)
    assert found.status == 3
    assert "2 waiting." in found.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("retry", "--reason", "now"), "Say which sagas are meant: --definition, --step, --reason-code, --state or"),
        (("skip", "--definition", "order", "--reason", "now"), "Say which step is meant: skip needs a --step."),
        (("retry", "--step", "charge"), "Say why: a bulk operation needs a reason."),
    ],
)
def test_what_is_not_clear_is_refused(held, words, said):
    found = Ran("bulk", *words)
    assert (found.status, found.error[: len(said)]) == (2, said)
    assert not BulkOperation.objects.exists()


def test_what_a_second_person_must_approve_is_asked_for(held, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_OVER": 1}
    words = ("--step", "charge", "--reason", "the bank has money")
    assert "→ Not at once: a second person must approve it." in Ran("bulk", "retry", *words, "--dry-run").out
    assert not Proposal.objects.exists()
    found = Ran("bulk", "retry", *words)
    assert (found.status, "Nothing was done yet. It is asked for" in found.out) == (4, True)
    left = Proposal.objects.get()
    assert (left.verb, len(left.sagas), left.reason) == ("retry", 2, "the bank has money")
    assert not BulkOperation.objects.exists()


def test_verbs_with_two_words_are_written_as_elsewhere(held):
    assert "→ give-up: 2 sagas fit; 2 can be asked." in Ran("bulk", "give-up", "--step", "charge", "--dry-run").out
