"""The list of sagas: what needs a person first, found by what an address says, and read in pages."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas.admin.listing import MOST_COUNTED, PAGE
from tests.sagas.admin.conftest import LIST, held, listed, page_of, text_of

pytestmark = pytest.mark.django_db


def test_it_begins_with_what_needs_a_person_and_says_why(world, two, operator):
    stuck = held(world, two, business_key="order-7")
    world.start(two, business_key="order-8")
    answer = operator.get(LIST)
    assert listed(answer) == [stuck]
    assert "charge: the bank says no" in text_of(answer)


def test_it_says_when_nothing_needs_a_person(world, two, operator):
    world.start(two)
    assert "Nothing needs a person." in text_of(operator.get(LIST))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?show=live", {"open", "held"}),
        ("?show=ended", {"done"}),
        ("?show=all", {"open", "held", "done"}),
        ("?state=completed", {"done"}),
        ("?show=&q=done*", {"done"}),
        ("?q=*", {"open", "held", "done"}),
        ("?definition=two", {"held"}),
        ("?definition=nonsense", {"held"}),
        ("?state=nonsense", {"held"}),
        ("?since=2000-01-01T00:00", {"open", "held", "done"}),
        ("?since=2999-01-01T00:00", set()),
        ("?step=charge", {"held"}),
        ("?step=ship", set()),
        ("?code=abort", {"held"}),
        ("?reason=compensation_refused", {"held"}),
        ("?reason=refused", set()),
    ],
)
def test_others_are_found_when_they_are_asked_for(world, two, operator, query, expected):
    world.run_through(world.start(two, business_key="done"))
    held(world, two, business_key="held")
    world.start(two, business_key="open")
    found = {found.business_key for found in listed(operator.get(LIST + query))}
    assert found == (expected if "definition=nonsense" not in query else set())


def test_a_search_that_finds_one_leads_to_its_page(world, two, operator):
    found = world.run_through(world.start(two, business_key="order-7"))
    for words in ("order-7", str(found.pk), "order-*"):
        assert operator.get(LIST, {"q": words}).url == page_of(found)
    assert "There is no such saga." in text_of(operator.get(LIST, {"q": "order"}))


def test_every_page_can_be_searched_from(operator):
    assert 'role="search"' in operator.get(LIST).content.decode()


@pytest.mark.parametrize("name", ["q", "definition", "show", "state", "before", "since", "step", "p"])
def test_addresses_that_make_no_sense_do_no_harm(world, two, operator, name):
    for value in ("%00", "%FF", "x" * 500, "-1", "9" * 30, "%F0%9F%98%80"):
        assert operator.get(f"{LIST}?{name}={value}").status_code in (200, 302)


def test_it_is_read_in_pages_and_nothing_is_shown_twice(world, two, operator):
    started = {world.start(two, business_key=f"order-{number}").pk for number in range(PAGE + 3)}
    first = operator.get(f"{LIST}?show=live")
    second = operator.get(f"{LIST}?{first.context['page'].older}")
    assert len(listed(first)) == PAGE
    assert {found.pk for found in (*listed(first), *listed(second))} == started
    assert second.context["page"].older == ""


def test_it_says_how_many_stand_how_and_each_number_is_a_link(world, two, operator):
    world.run_through(world.start(two, business_key="done"))
    for _ in range(2):
        held(world, two)
    page = operator.get(f"{LIST}?show=all").context["page"]
    counts = {facet.label: facet.count for facet in page.facets["state"]}
    assert counts == {"completed": 1, "stuck": 2}
    (stuck,) = (facet for facet in page.facets["state"] if facet.label == "stuck")
    assert len(listed(operator.get(f"{LIST}?{stuck.query}"))) == 2


def test_nothing_is_counted_to_the_end(world, two, operator):
    with CaptureQueriesContext(connection) as queries:
        operator.get(f"{LIST}?show=all")
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counting
    assert all(f"LIMIT {MOST_COUNTED + 1}" in sql for sql in counting)


def test_it_costs_the_same_however_many_sagas_it_shows(world, two, operator):
    costs = []
    for _ in range(2):
        held(world, two)
        with CaptureQueriesContext(connection) as queries:
            operator.get(LIST)
        costs.append(len(queries))
    assert costs[0] == costs[1]
