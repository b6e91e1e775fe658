"""`manage.py check` tells everything that is wrong in a definition at once."""

from types import SimpleNamespace

from django.core.checks import run_checks

from sagas import parallel, registry, saga, step
from sagas.errors import DefinitionUnknown


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
            assert str(error) == "There is no saga named 'ordre'; known are: order."


def test_the_settings_are_checked(settings):
    settings.SAGAS = {
        "SERVICES": {"bank": {"url": "bank.example"}, "post": {"url": "http://p", "refused": [409], "done": [409]}}
    }
    assert [error.id for error in run_checks(tags=["sagas"])] == ["sagas.E003", "sagas.E003"]
    settings.SAGAS = {"SERVICE": {}}
    assert "SAGAS has no setting 'SERVICE'" in run_checks(tags=["sagas"])[0].msg
