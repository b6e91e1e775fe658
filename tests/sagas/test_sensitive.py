"""What a model marks as sensitive: plain for the steps, sealed in the database, masked for everybody else."""

import logging
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from pydantic import BaseModel, SecretStr, field_validator, model_validator

from gateway import vault
from sagas import Abort, RetryLater, Sensitive, approval, child, each, operations, saga, step, wait
from sagas.apps import SagasConfig
from sagas.errors import InvalidInput, NotFound
from sagas.events import inbox
from sagas.events.arriving import Message
from sagas.events.keeping import message_of
from sagas.models import Audit, InboxEvent, Incident, Revision, Run, Saga, Signal
from sagas.record.payload import Unstorable, pack, shown, unpack
from sagas.words.faults import faults_of
from sagas.words.sensitive import MARK, MASK, is_sensitive
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db(transaction=True)

CARD = "4929-7316-0042-8855"
PIN, BUYER = "pin: 9876", "Ada, of London"
"""With signs that stand together in no time, no id and nothing sealed."""


class Person(BaseModel):
    name: str
    iban: Sensitive[str] = "DE89370400440532013000"


class Order(BaseModel):
    card: Sensitive[str]
    pin: Sensitive[SecretStr] | None = None
    buyer: Sensitive[Person] | None = None
    lines: list[Person] = []
    amount: int = 0


class Paid(BaseModel):
    by: Sensitive[str]
    status: str = "ok"


class Receipt(BaseModel):
    number: str
    token: Sensitive[str]


def order(world: World, *rows: Any) -> Any:
    table = saga("order", *(rows or [step(world.charge, compensation=world.refund)]), input=Order)
    world.knows(table)
    return table


def everything_stored() -> str:
    """Every column of every table, as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [repr([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor.fetchall()]
    return "\n".join(found)


def test_a_step_works_with_the_plain_value_that_the_database_does_not_have(world):
    table = order(world)
    found = world.start(table, {"card": CARD, "pin": PIN, "buyer": {"name": BUYER}, "lines": [{"name": "Bo"}]})
    world.script("charge", lambda ctx: {"last": ctx.input.card[-4:]})
    world.work()
    (ctx,) = world.contexts
    assert (ctx.input.card, ctx.input.pin.get_secret_value(), ctx.input.buyer.name) == (CARD, PIN, BUYER)
    assert ctx.input.lines[0].iban == "DE89370400440532013000"
    stored = everything_stored()
    for secret in (CARD, PIN, BUYER, "DE893704"):
        assert secret not in stored
    assert shown(Saga.objects.get().input) == {
        "card": MASK,
        "pin": MASK,
        "buyer": MASK,
        "lines": [{"name": "Bo", "iban": MASK}],
        "amount": 0,
    }
    assert found.input["amount"] == 0


def test_what_a_step_returns_in_a_marked_model_is_sealed_and_the_next_one_and_the_compensation_have_it(world):
    table = order(world, step(world.charge, compensation=world.refund), step(world.ship, compensation=world.recall))
    world.script("charge", Receipt(number="r-1", token="tok-5533-secret"))
    world.script("ship", lambda ctx: world.calls.append((ctx.results["charge"]["token"], "")) or None, Abort("no"))
    found = world.start(table, {"card": CARD})
    world.work()
    assert ("tok-5533-secret", "") in world.calls
    assert "tok-5533-secret" not in everything_stored()
    assert shown(run_of(found, "charge").result) == {"number": "r-1", "token": MASK}
    copied = operations.clone(found.pk, actor="a test", reason="again", confirm_effects=True).saga
    world.script("charge", Receipt(number="r-2", token="tok-5534-secret"))
    world.work()
    world.run_through(copied)
    undone = [ctx for ctx in world.contexts if ctx.action.key.startswith(str(copied.pk)) and ctx.action.result]
    assert any(ctx.action.result == {"number": "r-2", "token": "tok-5534-secret"} for ctx in undone)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda ctx: fail(Abort(f"{ctx.input.card} was refused", code=f"card_{ctx.input.card}")),
        lambda ctx: fail(RetryLater(f"not now, {ctx.input.card!r}")),
        lambda ctx: fail(KeyError(ctx.input.card)),
        lambda ctx: fail(Abort("partly", done={"of": ctx.input.card})),
        lambda ctx: Order.model_validate({"amount": ctx.input.card}),
    ],
)
def test_what_goes_wrong_does_not_repeat_what_it_knew(world, trouble, caplog):
    caplog.set_level(logging.DEBUG)
    table = order(world)
    world.script("charge", *[trouble] * 5)
    world.script("refund", lambda ctx: fail(Abort(f"no refund to {ctx.input.card}")))
    found = world.run_through(world.start(table, {"card": CARD}))
    assert CARD not in everything_stored() + caplog.text
    assert found.failure
    assert Incident.objects.filter(closed_at=None, saga=found).exists() or found.ended_at


def fail(error: Exception) -> None:
    raise error


def test_a_result_that_repeats_a_secret_is_sealed_where_it_does(world):
    table = order(world)
    world.script("charge", lambda ctx: {"echo": f"card {ctx.input.card}", "id": "ch-1", "cards": [ctx.input.card]})
    found = world.run_through(world.start(table, {"card": CARD}))
    stored = run_of(found, "charge").result
    assert shown(stored) == {"echo": MASK, "id": "ch-1", "cards": [MASK]}
    assert unpack(stored) == {"echo": f"card {CARD}", "id": "ch-1", "cards": [CARD]}


def test_progress_that_repeats_a_secret_is_sealed_too(world):
    table = order(world)
    world.script("charge", lambda ctx: ctx.heartbeat({"charging": ctx.input.card}))
    found = world.run_through(world.start(table, {"card": CARD}))
    assert CARD not in everything_stored()
    assert shown(run_of(found, "charge").progress) == {"charging": MASK}


def test_signals_decisions_items_and_children_keep_it_too(world):
    small = saga("small", step(world.ship, compensation=world.recall), input=Order)
    table = order(
        world,
        each("lines", step(world.pick, compensation=world.unpick)),
        wait("paid", schema=Paid),
        approval("released", form=Paid),
        child(small, input=lambda ctx: {"card": ctx.input.card}),
    )
    found = world.start(table, {"card": CARD, "lines": [{"name": "Bo", "iban": "GB33BUKB20201555555555"}]})
    world.script("pick", lambda ctx: {"seen": ctx.item["iban"] == "GB33BUKB20201555555555"})
    world.work()
    told = operations.signal(found.pk, "paid", {"by": "VISA-7788-secret"}, actor="bank", id="s1")
    again = operations.signal(found.pk, "paid", {"by": "VISA-7788-secret"}, actor="bank", id="s1")
    assert (told.replayed, again.replayed) == (False, True)
    with pytest.raises(Exception, match="with another payload"):
        operations.signal(found.pk, "paid", {"by": "VISA-7789-secret"}, actor="bank", id="s1")
    world.work()
    operations.decide(
        found.pk, step="released", approved=True, actor="ann", reason="ok", form={"by": "ANN-1122-secret"}
    )
    world.work()
    found.refresh_from_db()
    assert found.state == "completed"
    stored = everything_stored()
    for secret in (CARD, "GB33BUKB20201555555555", "VISA-7788-secret", "ANN-1122-secret"):
        assert secret not in stored
    assert run_of(found, "pick").result == {"seen": True}
    assert unpack(run_of(found, "paid").result) == {"by": "VISA-7788-secret", "status": "ok"}
    assert unpack(run_of(found, "released").result)["form"] == {"by": "ANN-1122-secret", "status": "ok"}
    assert unpack(Saga.objects.get(definition="small").input)["card"] == CARD
    assert not Signal.objects.exclude(body_hash="").exists(), "a hash of a card can be guessed"


def test_what_does_not_fit_is_sealed_as_a_whole_where_it_is_kept_all_the_same(world):
    table = order(world, wait("paid", schema=Paid))
    found = world.start(table, {"card": CARD})
    world.work()
    operations.signal(found.pk, "paid", {"by": "first"}, actor="bank")
    world.work()
    with pytest.raises(Exception, match="has ended"):
        operations.signal(found.pk, "paid", {"buy": "VISA-7788-secret"}, actor="bank")
    assert "VISA-7788-secret" not in everything_stored()
    assert shown(Signal.objects.get(flag="late").payload) == MASK


def test_an_edit_keeps_what_its_editor_could_not_see(world):
    table = order(world, step(world.charge, compensation=world.refund, on_failure="incident"))
    world.script("charge", Abort("no"), lambda ctx: {"paid": ctx.input.amount})
    found = world.run_through(world.start(table, {"card": CARD, "amount": 1, "buyer": {"name": "Ada"}}))
    edited = {**shown(found.input), "amount": 2}
    operations.retry(found.pk, actor="ann", reason="typo", input=edited)
    world.work()
    found.refresh_from_db()
    assert (found.state, run_of(found, "charge").result) == ("completed", {"paid": 2})
    assert world.contexts[-1].input.card == CARD
    assert Audit.objects.get(verb="retry").details["diff"] == {"amount": {"before": 1, "after": 2}}
    assert shown(Revision.objects.get().input)["card"] == MASK
    copied = operations.clone(
        found.pk, actor="ann", reason="again", input={**shown(found.input), "amount": 3}, confirm_effects=True
    ).saga
    assert unpack(copied.input)["card"] == CARD


def test_a_mask_is_not_taken_for_a_secret_and_nobody_brings_a_sealed_value_along(world):
    table = order(world)
    with pytest.raises(InvalidInput, match="send that itself"):
        world.start(table, {"card": MASK})
    with pytest.raises(Unstorable, match="kept for what is stored sealed"):
        pack({"a": [{MARK: vault.seal("1")}]})
    with pytest.raises(Unstorable, match="kept for what is stored sealed"):
        pack({"a": [{MARK: ["x"]}]})


def test_what_a_check_trips_over_is_told_and_logged_without_it(world, caplog):
    class Picky(BaseModel):
        card: Sensitive[str]

        @field_validator("card")
        @classmethod
        def known(cls, card: str) -> str:
            return {}[card]

    table = saga("picky", step(world.charge, compensation=world.refund), input=Picky)
    world.knows(table)
    with pytest.raises(InvalidInput) as refused:
        operations.start("picky", {"card": CARD}, actor="a test")
    assert "tripped over" in caplog.text
    assert "known" in caplog.text, "the team finds the place"
    assert CARD not in caplog.text + str(refused.value) + str(refused.value.errors)


@pytest.mark.parametrize("given", [{"card": f"{CARD} is mine"}, {"card": CARD, "amount": 7}])
def test_a_fault_does_not_repeat_what_it_is_about(world, given):
    class Picky(BaseModel):
        card: Sensitive[str]
        amount: int = 0

        @field_validator("card")
        @classmethod
        def alone(cls, card: str) -> str:
            if len(card) > len(CARD):
                raise ValueError(f"there is more than a number in {card!r}")
            return card

        @model_validator(mode="after")
        def affordable(self) -> "Picky":
            if self.amount:
                raise ValueError(f"{self.card} has not so much")
            return self

    world.knows(saga("picky", step(world.charge, compensation=world.refund), input=Picky))
    with pytest.raises(InvalidInput) as refused:
        operations.start("picky", given, actor="a test")
    (fault,) = refused.value.errors
    assert MASK in fault["detail"]
    assert CARD not in str(refused.value) + fault["detail"]


def test_a_schema_says_what_is_sensitive():
    found = Order.model_json_schema()["properties"]
    assert (found["card"]["x-sensitive"], found["card"]["writeOnly"]) == (True, True)
    assert "x-sensitive" not in found["amount"]
    assert is_sensitive(Order)
    assert is_sensitive(list[Order])
    assert not is_sensitive(dict[str, int])


def test_a_table_without_marks_is_stored_as_ever(world):
    table = saga("plain", step(world.charge, compensation=world.refund))
    world.knows(table)
    found = world.start(table, {"card": CARD})
    assert found.input == {"card": CARD}
    assert not table.is_sensitive


def test_who_may_reveal_sees_it_and_the_audit_has_it_first(world):
    table = order(world, step(world.charge, compensation=world.refund), wait("paid", schema=Paid))
    found = world.start(table, {"card": CARD})
    world.script("charge", Receipt(number="r-1", token="tok-5533-secret"))
    world.work()
    operations.signal(found.pk, "paid", {"by": "VISA-7788-secret"}, actor="bank", id="s1")
    about = {"actor": "person:ann", "reason": "the bank asks"}
    assert operations.reveal(found.pk, what="input", **about)["card"] == CARD
    assert operations.reveal(found.pk, what="result", step="charge", **about)["token"] == "tok-5533-secret"
    assert operations.reveal(found.pk, what="signal", signal="paid", id="s1", **about)["by"] == "VISA-7788-secret"
    entries = Audit.objects.filter(verb="reveal").order_by("id")
    assert [(e.actor, e.reason, e.path, e.details) for e in entries] == [
        ("person:ann", "the bank asks", "", {"what": "input"}),
        ("person:ann", "the bank asks", "charge", {"what": "result"}),
        ("person:ann", "the bank asks", "", {"what": "signal", "signal": "paid", "id": "s1"}),
    ]
    with pytest.raises(NotFound):
        operations.reveal(found.pk, what="input", **about, tenant="other")
    with pytest.raises(NotFound, match="no step 'nothing'"):
        operations.reveal(found.pk, what="result", step="nothing", **about)
    with pytest.raises(InvalidInput, match="needs a reason"):
        operations.reveal(found.pk, what="input", actor="ann", reason=" ")


def test_a_key_that_is_gone_is_an_incident_that_names_it_and_the_saga_goes_on_when_it_is_back(world, settings):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (old,)}
    table = order(world)
    found = world.start(table, {"card": CARD})
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new,)}
    world.run_through(found)
    assert "put that key into VAULT_KEYS" in Incident.objects.get().sentence
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new, old)}
    operations.retry(found.pk, actor="ann", reason="the key is back")
    world.work()
    found.refresh_from_db()
    assert found.state == "completed"


def test_everything_is_resealed_and_the_old_key_can_go(world, settings, capsys):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (old,)}
    table = order(
        world, step(world.charge, compensation=world.refund, on_failure="incident"), wait("paid", schema=Paid)
    )
    world.script("charge", Abort("no"), Receipt(number="r-1", token="tok-5533-secret"))
    found = world.run_through(world.start(table, {"card": CARD, "amount": 1}))
    operations.retry(found.pk, actor="ann", reason="typo", input={"card": "5555-secret", "amount": 2})
    world.work()
    operations.signal(found.pk, "paid", {"by": "VISA-7788-secret"}, actor="bank")
    name = vault.seal("").split(":")[1]
    before = Run.objects.get(path="charge").result
    lost = Message(body=b'{"number": 7}', id="m1", type="order.lost", headers={"from": "the shop"})
    inbox.take("shop", lost)
    assert f"sealed:{name}:" in everything_stored()
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new, old)}
    call_command("reseal", dry_run=True)
    assert Run.objects.get(path="charge").result == before
    call_command("reseal")
    assert "runs, result: 1 were resealed" in capsys.readouterr().out
    assert f"sealed:{name}:" not in everything_stored()
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new,)}
    world.work()
    found.refresh_from_db()
    assert found.state == "completed"
    assert unpack(found.input)["card"] == "5555-secret"
    assert message_of(InboxEvent.objects.get()) == lost
    call_command("reseal")
    assert capsys.readouterr().out == "Nothing is left under older keys.\n", "it can be repeated"


def test_resealing_says_what_it_cannot_read_and_does_the_rest(world, settings, capsys):
    lost, old, new = (Fernet.generate_key().decode() for _ in range(3))
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (lost,)}
    table = order(world)
    world.start(table, {"card": CARD})
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (old,)}
    world.start(table, {"card": CARD})
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new, old)}
    with pytest.raises(CommandError, match="which is gone: put that key into VAULT_KEYS"):
        call_command("reseal")
    assert "sagas, input: 1 were resealed, 1 cannot be read." in capsys.readouterr().out


def test_a_process_that_could_not_seal_does_not_start(world, settings):
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": ()}
    order(world)
    with pytest.raises(ImproperlyConfigured, match="What saga 'order' marks as sensitive must be stored sealed"):
        SagasConfig.create("sagas").ready()


def test_a_secret_without_the_mark_is_a_fault_of_the_table(world):
    class Naked(BaseModel):
        pin: SecretStr

    faults = faults_of(saga("naked", step(world.charge, compensation=world.refund), input=Naked))
    assert [fault for fault in faults if "mark it Sensitive[SecretStr]" in fault]
    assert faults_of(saga("clad", step(world.charge, compensation=world.refund), input=Order)) == []
