"""`manage.py saga`, as an operator and a script use it."""

import io
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line

from sagas import Abort, Retry, approval, operations, saga, sleep, step, wait
from sagas.management import following
from sagas.models import Audit, Callback, Proposal, Saga, Signal
from sagas.operations import second
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db(transaction=True)


class Ran:
    """What a command printed, and its exit status."""

    def __init__(self, *words: object) -> None:
        out = StringIO()
        self.status, self.error = 0, ""
        try:
            call_command("saga", *map(str, words), stdout=out)
        except SystemExit as end:
            self.status = int(end.code or 0)
        except CommandError as refused:
            self.status, self.error = refused.returncode, str(refused)
        self.out = out.getvalue()

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def order(world):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.ship, compensation=world.recall, on_failure="incident", retry=Retry(attempts=1)),
        wait("delivered"),
    )
    world.knows(table)
    return table


@pytest.fixture
def held(world, order):
    """A saga that needs a person."""
    world.script("ship", Abort("no parcels today"))
    found = world.start(order, {"n": 1}, business_key="o-1")
    world.work(found)
    return found


def state_of(found: Saga) -> str:
    found.refresh_from_db()
    return found.state


def test_a_saga_is_started(world, order):
    words = ("start", "order", "--key", "o-1", "--input", '{"n": 1}', "--label", "shop=berlin", "--at", "+2h")
    started = Saga.objects.get(pk=Ran(*words, "--json").json["id"])
    assert (started.business_key, started.input, started.labels) == ("o-1", {"n": 1}, {"shop": "berlin"})
    assert started.started_by.startswith("cli:")
    again = Ran(*words)
    assert "nothing new was begun" in again.out
    assert str(started.pk) in again.out
    refused = Ran(*words, "--on-duplicate", "refuse")
    assert (refused.status, "holds the business key 'o-1'" in refused.error) == (2, True)


def test_a_saga_is_started_and_told_something_for_the_tenant_that_is_named(world, order):
    mine = Saga.objects.get(pk=Ran("start", "order", "--key", "o-1", "--json").json["id"])
    other = Saga.objects.get(pk=Ran("start", "order", "--key", "o-1", "--tenant", "berlin", "--json").json["id"])
    assert (mine.tenant, other.tenant) == ("default", "berlin")
    told = Ran("signal", "o-1", "paid", "--definition", "order", "--tenant", "berlin", "--json")
    assert told.json["saga"] == str(other.pk)
    assert Ran("signal", "o-1", "paid", "--definition", "order", "--tenant", "nobody").status == 2


def test_what_a_second_person_must_approve_is_asked_for(world, held, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_FOR": ("give_up",)}
    looked = Ran("give-up", "o-1", "--dry-run")
    assert (looked.status, "a second person must approve it" in looked.out) == (0, True)
    assert not Proposal.objects.exists()
    asked = Ran("give-up", "o-1", "--reason", "ticket 7")
    left = Proposal.objects.get()
    assert (asked.status, state_of(held)) == (4, "stuck")
    assert f"Nothing was done yet. It is asked for, as proposal {left.pk}" in asked.out
    assert f"POST /api/v1/proposals/{left.pk}/approve/" in asked.out
    assert (left.verb, left.saga_id, left.reason) == ("give_up", held.pk, "ticket 7")
    assert left.asked_by.startswith("cli:")
    again = Ran("give-up", "o-1", "--reason", "ticket 8", "--json")
    assert (again.status, again.json["proposal"]["verb"]) == (4, "give_up")
    second.approve(left.pk, actor="person:bob", reason="so be it", tenant="default")
    assert state_of(held) == "failed"


def test_an_end_that_nobody_was_told_of_is_told_again(world, order):
    found = world.start(order)
    world.work(found)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    about = {"url": "https://shop.example.org/", "tries": 20, "error": "It answered 500.", "at": found.created_at}
    Callback.objects.create(saga=found, done_at=found.created_at, **about)
    shown = Ran("show", found.pk)
    assert "Nobody was told of its end: It answered 500." in shown.out
    assert "Possible now: tell-again, clone." in shown.out
    told = Ran("tell-again", found.pk, "--reason", "the shop is back")
    assert "→ Its end, cancelled, is told to https://shop.example.org/ within seconds" in told.out
    assert (told.status, Callback.objects.get().done_at) == (0, None)


def test_an_input_may_come_from_a_file_or_from_standard_input(order, tmp_path, monkeypatch):
    file = tmp_path / "input.json"
    file.write_text('{"from": "file"}')
    assert Ran("start", "order", "--input", f"@{file}", "--json").json["input"] == {"from": "file"}
    monkeypatch.setattr("sys.stdin", io.StringIO('{"from": "pipe"}'))
    assert Ran("start", "order", "--input", "-", "--json").json["input"] == {"from": "pipe"}


def test_a_saga_is_shown_with_its_story_and_what_is_possible(held):
    shown = Ran("show", "o-1")
    for line in (
        f"order o-1  stuck  {held.pk}",
        "✓ charge succeeded",
        "✗ ship needs a person (refused): no parcels today",
        "Possible now: signal, cancel, pause, retry, ",
    ):
        assert line in shown.out
    assert "give-up" in shown.out
    assert "charge begins" not in shown.out
    assert "charge begins" in Ran("show", "o-1", "--all").out
    found = Ran("show", "o-1", "--json").json
    assert (found["id"], found["state"], found["journal"][0]["rev"]) == (str(held.pk), "stuck", 1)


def test_sagas_are_listed(world, order, held):
    ended = world.start(order, business_key="o-0")
    operations.cancel(ended.pk, actor="ann", reason="no")
    world.work(ended)
    for words, expected in (
        ((), ["o-1"]),
        (("--all",), ["o-0", "o-1"]),
        (("--all", "--limit", 1), ["o-0"]),
        (("--needs-person",), ["o-1"]),
        (("--state", "cancelled"), ["o-0"]),
        (("--key", "o-0"), ["o-0"]),
        (("--definition", "other"), []),
    ):
        assert [line["business_key"] for line in Ran("list", *words, "--json").json] == expected
    assert "There are more" in Ran("list", "--all", "--limit", 1).out
    assert "1 incident(s)" in Ran("list").out


def test_a_verb_says_what_it_does_and_what_came_of_it(world, held):
    answer = Ran("cancel", "o-1", "--reason", "no stock")
    assert answer.status == 0
    assert "→ Undone, in this order: charge." in answer.out
    assert "decided: cancel (no stock)" in answer.out
    assert "✓ charge succeeded" not in answer.out
    assert Audit.objects.get().actor.startswith("cli:")
    world.work(held)
    assert state_of(held) == "cancelled"


def test_a_dry_run_needs_no_reason_and_changes_nothing(held):
    before = Saga.objects.values().get(pk=held.pk)
    dry = Ran("cancel", "o-1", "--dry-run")
    assert "→ Undone, in this order: charge." in dry.out
    assert "Nothing was changed; it would be compensating." in dry.out
    assert Ran("cancel", "o-1", "--dry-run", "--json").json["sentences"] == ["Undone, in this order: charge."]
    assert before == Saga.objects.values().get(pk=held.pk)
    assert not Audit.objects.exists()


def test_what_is_refused_is_one_sentence_with_what_is_possible(order, held):
    refused = Ran("resume", "o-1", "--reason", "x")
    assert (refused.status, refused.out) == (2, "")
    assert refused.error.startswith("The saga is not paused. Possible now: signal, cancel, pause, retry, ")
    for words, sentence in (
        (("cancel", "o-1"), "Say why: cancel needs a reason."),
        (("show", "nobody"), "There is no saga 'nobody'"),
        (("start", "nothing"), "There is no saga named 'nothing'; known are: order."),
        (("skip", "o-1", "--step", "chrage", "--reason", "x"), "The saga has no step 'chrage'; there are: charge"),
    ):
        refused = Ran(*words)
        assert (refused.status, refused.error[: len(sentence)]) == (2, sentence)


@pytest.mark.parametrize(
    "words",
    [
        ("start", "order", "--input", "{"),
        ("start", "order", "--input", "@/nowhere"),
        ("start", "order", "--label", "shop"),
        ("start", "order", "--at", "tomorrow"),
        ("start", "order", "--at", "+3 weeks"),
        ("decide", "o-1", "--reason", "x"),
        ("cancle", "o-1"),
        (),
    ],
)
def test_a_word_that_is_not_understood_is_refused_before_anything_is_done(order, words):
    assert Ran(*words).error
    assert not Saga.objects.exists()


def test_a_saga_is_repaired_told_and_cloned(world, held):
    assert Ran("skip", "o-1", "--step", "ship", "--result", '{"by": "hand"}', "--reason", "sent it").status == 0
    assert run_of(held, "ship").result == {"by": "hand"}
    world.work(held)
    assert "A wait has taken it." in Ran("signal", "o-1", "delivered", "--payload", "{}", "--id", "7").out
    assert "It was known already." in Ran("signal", "o-1", "delivered", "--payload", "{}", "--id", "7").out
    world.work(held)
    assert state_of(held) == "completed"
    refused = Ran("clone", "o-1", "--reason", "once more")
    assert (refused.status, "Confirm" in refused.error) == (2, True)
    clone = Ran("clone", "o-1", "--reason", "once more", "--confirm-effects", "--json").json
    assert (clone["cloned_from"], clone["input"]) == (str(held.pk), {"n": 1})


def test_an_input_is_edited_only_where_one_is_given(world, held):
    Ran("retry", "o-1", "--reason", "again", "--input", '{"n": 2}')
    held.refresh_from_db()
    assert (held.input, held.input_rev) == ({"n": 2}, 2)
    world.script("ship", Abort("no parcels today"))
    world.work(held)
    assert Ran("retry", "o-1", "--step", "ship", "--reason", "again").status == 0
    held.refresh_from_db()
    assert held.input_rev == 2


def test_a_clock_is_moved(world):
    found = world.start(
        saga("naps", sleep(timedelta(days=1), name="nap"), step(world.charge, compensation=world.refund))
    )
    world.work(found)
    assert Ran("reschedule", found.pk, "--step", "nap", "--at", "now", "--reason", "wake up").status == 0
    world.work(found)
    assert state_of(found) == "completed"


def test_a_person_decides(world):
    found = world.start(saga("asks", approval("large"), step(world.charge, compensation=world.refund)))
    assert Ran("decide", str(found.pk)[:13], "--yes", "--reason", "fine").error == ""
    world.work(found)
    assert state_of(found) == "completed"
    assert Ran("decide", found.pk, "--no", "--reason", "x").error.startswith("No approval is open")


def test_a_signal_by_key_may_begin_the_saga(order):
    words = ("signal", "o-9", "delivered", "--definition", "order", "--payload", "{}")
    assert "No open saga 'order'" in Ran(*words).error
    told = Ran(*words, "--start-if-missing", '{"n": 9}', "--json").json
    assert Saga.objects.get(pk=told["saga"]).input == {"n": 9}
    assert Signal.objects.get().name == "delivered"


@pytest.mark.parametrize(("how", "status"), [("completes", 0), ("goes back", 1), ("waits", 3)])
def test_a_followed_saga_ends_the_command_with_what_it_came_to(world, order, how, status):
    if how == "goes back":
        world.script("charge", Abort("no money"))
    found = world.start(order, business_key="o-1")
    if how != "waits":
        operations.signal(found.pk, "delivered", {}, actor="a test")
        world.work(found)
    answer = Ran("show", "o-1", "--follow", "--timeout", "0")
    assert answer.status == status
    assert Ran("show", "o-1", "--follow", "--timeout", "0", "--json").json["id"] == str(found.pk)


def test_what_happens_meanwhile_is_shown(world, order, monkeypatch):
    found = world.start(order, business_key="o-1")
    looks = iter([lambda: world.work(found), lambda: operations.signal(found.pk, "delivered", {}, actor="carrier")])
    monkeypatch.setattr(following.time, "sleep", lambda pause: next(looks, lambda: world.work(found))())
    answer = Ran("show", "o-1", "--follow")
    assert answer.status == 0
    told = [answer.out.index(text) for text in ("charge succeeded", "signal delivered came", "the saga completed")]
    assert told == sorted(told)
    assert answer.out.count("charge succeeded") == 1


def test_nothing_that_a_participant_says_moves_the_cursor(world, order):
    world.script("ship", Abort("\x1b[2J\x9b2Jno \u202eparcels\ntoday"))
    found = world.start(order, business_key="o-1")
    world.work(found)
    assert "no  parcels today" in " ".join(Ran("show", "o-1").out.split("[2J"))
    assert not {"\x1b", "\x9b", "\u202e"} & set(Ran("show", "o-1").out)
    assert Ran("show", found.pk, "--json").json["state"] == "stuck"


def test_a_saga_is_drawn_and_versions_are_told(order, held):
    assert "charge" in Ran("diagram", "order").out
    assert Ran("diagram", "order", "--format", "svg").out.lstrip().startswith("<svg")
    assert Ran("diagram", "order", "--format", "dot").out.startswith('digraph "order" {')
    assert Ran("diagram", "o-1").out != Ran("diagram", "order").out
    assert "order 1: current" in Ran("versions").out
    assert Ran("versions", "--json").json[0]["live"] == 1


def test_live_sagas_without_their_table_are_an_exit_status(world, order, held):
    world.knows(saga("order", step(world.charge, compensation=world.refund), version=2))
    assert Ran("versions").status == 1


def test_every_command_explains_itself(capsys):
    from sagas.management.commands.saga import COMMANDS

    for name in COMMANDS:
        with pytest.raises(SystemExit):
            execute_from_command_line(["manage.py", "saga", name, "--help"])
        assert "--json" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        execute_from_command_line(["manage.py", "saga", "--help"])
    assert "Exit status:" in capsys.readouterr().out
