"""A name in the code of a step that will not be found is told before anything runs."""

from functools import partial
from typing import Any

import pytest

from sagas import child, each, parallel, saga, step, wait
from sagas.words.doubts import doubts_of
from sagas.words.rows import Row


def book_hotel(ctx: Any) -> None: ...
def book_flight(ctx: Any) -> None: ...


def of(action: Any, *more: Row) -> list[str]:
    """What is doubtful in a table of a hotel, a step under test and a flight, beside which that step stands."""
    kept = {"no_compensation": "nobody minds"}
    tested = parallel(step(action, name="tested", **kept), step(book_flight, **kept))
    return doubts_of(saga("trip", step(book_hotel, **kept), tested, wait("paid"), *more))


def reads_what_is_there(ctx: Any) -> Any:
    return ctx.results["book_hotel"]["room"], ctx.signal_url("paid")


def mistyped(ctx: Any) -> Any:
    return ctx.results["bok_hotel"]


def mistyped_within(ctx: Any) -> Any:
    return [ctx.results["bok_hotel"][key] for key in ("room", "floor")]


def beside(ctx: Any) -> Any:
    return ctx.results["book_flight"]


def later(ctx: Any) -> Any:
    return ctx.results["paid"]


def gives_out(ctx: Any) -> Any:
    return ctx.signal_url("payed")


class Agency:
    def mistyped(self, ctx: Any) -> Any:
        return ctx.results["bok_hotel"]


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (mistyped, "reads ctx.results['bok_hotel'], and no row is named so. Before it: book_hotel. Did you mean"),
        (mistyped_within, "reads ctx.results['bok_hotel']"),
        (Agency().mistyped, "reads ctx.results['bok_hotel']"),
        (partial(mistyped), "reads ctx.results['bok_hotel']"),
        (beside, "reads ctx.results['book_flight'], and that row does not come before it. Before it: book_hotel."),
        (later, "reads ctx.results['paid'], and that row does not come before it"),
        (gives_out, "gives out ctx.signal_url('payed'), and no wait is for that: paid. Did you mean 'paid'?"),
    ],
)
def test_a_name_that_is_not_found_is_doubtful(action: Any, sentence: str) -> None:
    (doubt,) = of(action)
    assert doubt.startswith("saga 'trip' version 1, step 'tested': its action ")
    assert sentence in doubt


def asks_carefully(ctx: Any) -> Any:
    return ctx.results.get("bok_hotel") if "bok_hotel" in ctx.results else None


def of_another_thing(ctx: Any) -> Any:
    answer = ctx.service("hotel").get("/")
    return answer.results["rooms"]


def computed(ctx: Any) -> Any:
    name = "bok"
    return ctx.results[name + "_hotel"], ctx.signal_url("pay" + name)


@pytest.mark.parametrize("action", [reads_what_is_there, asks_carefully, of_another_thing, computed, len, partial(len)])
def test_what_may_be_right_is_left_alone(action: Any) -> None:
    assert of(action) == []


def test_every_function_of_every_row_is_read() -> None:
    def accept(ctx: Any, payload: Any) -> Any:
        return ctx.results["nothing"]

    more = (
        step(book_hotel, name="undone", compensation=mistyped),
        wait("late", accept=accept, when=mistyped),
        each("rooms", step(mistyped, name="room", reads_only=True), items=mistyped),
        child(saga("shipping", step(book_hotel, name="ship", reads_only=True)), input=mistyped),
    )
    told = [doubt.partition(": its ")[2].split()[0] for doubt in of(reads_what_is_there, *more)]
    assert told == ["compensation", "when", "accept", "items", "action", "input"]


def test_an_earlier_list_is_found_by_its_name_and_by_its_steps() -> None:
    def reads(ctx: Any) -> Any:
        return ctx.results["rooms"], ctx.results["room"]

    table = saga(
        "trip",
        each("rooms", step(book_hotel, name="room", reads_only=True), items=book_hotel),
        step(reads, reads_only=True),
    )
    assert doubts_of(table) == []
