"""`manage.py check` tells everything that is wrong in a definition at once."""

from types import SimpleNamespace

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import operations, parallel, saga, step, wait
from sagas.errors import DefinitionUnknown
from sagas.models import Run
from sagas.words import registry
from sagas.words.definition import Definition


def act(ctx: object) -> None: ...


def test_every_fault_is_a_sentence_of_its_own():
    wrong = saga("Wrong", step(act), parallel(step(act, name="one", reads_only=True)), act)
    with registry.replaced([wrong]):
        sentences = [error.msg for error in run_checks(tags=["sagas"])]
    assert len(sentences) == 4
    assert any("the name must be lower-case" in sentence for sentence in sentences)
    assert any("is not a row; wrap a function as step(function)" in sentence for sentence in sentences)
    assert any("fewer than two rows" in sentence for sentence in sentences)
    assert any("nothing says how it is undone; give it a compensation=" in sentence for sentence in sentences)


def test_two_definitions_of_one_name_and_version_clash():
    with registry.replaced([]):
        for _ in range(2):
            module = SimpleNamespace(order=saga("order", step(act, reads_only=True)))
            registry.collect(module)
        assert ["is defined twice" in error.msg for error in run_checks(tags=["sagas"])] == [True]


def test_a_name_there_is_not_is_answered_with_those_there_are():
    with registry.replaced([saga("order", step(act, reads_only=True))]):
        try:
            registry.get("ordre")
        except DefinitionUnknown as error:
            assert str(error).startswith("There is no saga named 'ordre'; known are: order.")


def test_the_settings_are_checked(settings):
    settings.SAGAS = {
        "SERVICES": {"bank": {"url": "bank.example"}, "post": {"url": "http://p", "refused": [409], "done": [409]}}
    }
    assert [error.id for error in run_checks(tags=["sagas"])] == ["sagas.E003", "sagas.E003"]
    settings.SAGAS = {"SERVICE": {}}
    assert "SAGAS has no setting 'SERVICE'" in run_checks(tags=["sagas"])[0].msg


def test_a_service_that_nobody_knows_is_told_before_a_deployment(settings):
    def pay(ctx):
        return ctx.service("paymnts").post("/charges").json

    settings.SAGAS = {"SERVICES": {"payments": {"url": "http://p"}}}
    with registry.replaced([saga("order", step(pay, reads_only=True))]):
        assert run_checks(tags=["sagas"]) == []
        (doubt,) = run_checks(tags=["sagas"], include_deployment_checks=True)
    assert doubt.msg == (
        "saga 'order' version 1, step 'pay': it calls 'paymnts', and SAGAS['SERVICES'] has no such service; "
        "there are: payments."
    )


def order(version: int, signal: str = "paid") -> Definition:
    return saga("order", wait(signal), version=version)


def messages(*known: Definition, databases: list[str] | None = None) -> list[tuple[str | None, str]]:
    with registry.replaced(known):
        found = run_checks(tags=["sagas"], databases=databases or ["default"])
    return [(message.id, message.msg) for message in found]


@pytest.fixture
def live():
    """One live saga of the first version."""
    with registry.replaced([order(1)]):
        return operations.start("order", actor="a test").saga


@pytest.mark.django_db
def test_a_table_may_not_change_under_its_live_sagas(live):
    ((code, sentence),) = messages(order(1, "settled"))
    assert code == "sagas.E004"
    assert "was changed while 1 live saga needs the one before" in sentence
    assert messages(order(1), order(2)) == []


@pytest.mark.django_db
def test_a_version_that_live_sagas_need_may_not_go(live, capsys):
    ((code, sentence),) = messages(order(2))
    assert code == "sagas.E005"
    assert "1 live saga needs saga 'order' version 1, which the code has no longer" in sentence
    with registry.replaced([order(2)]), pytest.raises(CommandError, match="which the code has no longer"):
        call_command("check", databases=["default"])


@pytest.mark.django_db
def test_a_version_that_nothing_needs_is_named_and_nothing_fails():
    assert messages(order(1), order(2)) == [
        ("sagas.I001", "No live saga needs saga 'order' version 1 any more: it can be taken out of the code.")
    ]
    with registry.replaced([order(1), order(2)]):
        call_command("check", databases=["default"])


@pytest.mark.django_db
def test_versions_are_compared_only_with_the_database_that_is_asked_for(live):
    with registry.replaced([order(2)]):
        assert run_checks(tags=["sagas"]) == []
    assert messages(order(2), databases=["another"]) == []


@pytest.mark.django_db
def test_faults_come_before_versions(live):
    assert [code for code, _ in messages(order(2), saga("Wrong", wait("paid")))] == ["sagas.E001"]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_not_migrated_has_no_live_sagas(monkeypatch):
    names = [name for name in connection.introspection.table_names() if name != Run._meta.db_table]
    monkeypatch.setattr(connection.introspection, "table_names", lambda: names)
    assert messages(order(1), order(2)) == []
