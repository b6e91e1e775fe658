"""Which definitions a process knows, and which of them a saga may run on."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from sagas import saga, step
from sagas.errors import DefinitionUnknown
from sagas.words import registry
from sagas.words.definition import Definition


def charge(context: object) -> None: ...
def refund(context: object) -> None: ...


def order(version: int = 1, name: str = "order", **policy: str) -> Definition:
    return saga(name, step(charge, compensation=refund, **policy), version=version)


ORDER, SECOND, TENTH = order(1), order(2), order(10)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with registry.replaced([ORDER, TENTH, SECOND, order(name="refund")]):
        yield


def test_a_new_saga_takes_the_highest_version() -> None:
    assert registry.get("order") is TENTH


def test_an_older_version_is_had_by_its_number() -> None:
    assert registry.get("order", 2) is SECOND


def test_an_unknown_version_names_those_there_are() -> None:
    with pytest.raises(DefinitionUnknown, match=r"saga 'order' has no version 3; there are \[1, 2, 10\]\."):
        registry.get("order", 3)


@pytest.mark.parametrize("version", [None, 1])
def test_an_unknown_name_names_those_there_are(version: int | None) -> None:
    with pytest.raises(DefinitionUnknown, match="There is no saga named 'ordr'; known are: order, refund"):
        registry.get("ordr", version)


def test_where_nothing_is_known_that_is_said() -> None:
    with registry.replaced([]), pytest.raises(DefinitionUnknown, match="known are: none"):
        registry.get("order")


def test_a_saga_runs_on_exactly_its_own_table() -> None:
    assert registry.find("order", 1, ORDER.fingerprint) is ORDER
    assert registry.find("order", 1, "0123456789abcdef") is None
    assert registry.find("order", 3, ORDER.fingerprint) is None
    assert registry.find("ordr", 1, ORDER.fingerprint) is None


def test_everything_is_told_by_name_and_version() -> None:
    assert [(found.name, found.version) for found in registry.everything()] == [
        ("order", 1),
        ("order", 2),
        ("order", 10),
        ("refund", 1),
    ]


def test_the_definitions_of_a_module_are_collected() -> None:
    module = ModuleType("shop")
    module.__dict__.update(delivery=order(name="delivery"), again=ORDER, other="order", kind=Definition)
    registry.collect(module)
    assert registry.get("delivery") is module.delivery
    assert registry.problems() == []


def test_a_second_definition_of_one_name_and_version_is_a_problem_and_the_first_stays() -> None:
    registry.add(order(2))
    assert registry.problems() == ["saga 'order' version 2 is defined twice; give one another name or version."]
    assert registry.get("order", 2) is SECOND


def test_the_same_definition_may_be_imported_by_several_modules() -> None:
    registry.add(ORDER)
    assert registry.problems() == []


def test_problems_are_those_of_modules_of_names_and_of_tables() -> None:
    registry.mark_broken("shop.sagas cannot be imported.")
    registry.add(order(2))
    registry.add(saga("empty"))
    broken, clash, fault = registry.problems()
    assert broken == "shop.sagas cannot be imported."
    assert "defined twice" in clash
    assert "the table is empty" in fault


def test_what_is_replaced_comes_back() -> None:
    registry.add(order(2))
    with registry.replaced([SECOND]):
        assert [*registry.everything()] == [SECOND]
        assert registry.problems() == []
    assert registry.get("order") is TENTH
    assert len(registry.problems()) == 1
