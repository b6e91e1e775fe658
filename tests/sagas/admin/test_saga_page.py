"""The page of one saga: why it does not move, what it did, and everything about it, however large it is."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gateway.ids import uuid7
from sagas import Retry, RetryLater, operations, step
from sagas import saga as a_saga
from sagas.admin.story import MOVES
from sagas.models import Saga
from tests.sagas.admin.conftest import held, page_of, text_of, verb_of
from tests.sagas.admin.scenes import LONG_NAME, RUDE

pytestmark = pytest.mark.django_db


def test_it_explains_the_saga_and_shows_all_about_it(world, two, operator):
    found = held(world, two, input={"order": 7})
    shown = text_of(operator.get(page_of(found)))
    for words in (
        "undoing charge needs a person since",
        "undoing charge the bank says no",
        "Looked after by the shop team",
        "compensation_refused",
        "no such street",
        "&quot;order&quot;: 7",
        "charge needs a person (compensation_refused): the bank says no",
        "the saga goes back",
        "Retry …",
        "Waive …",
    ):
        assert words in shown


def test_a_row_that_needs_a_person_says_so_and_nothing_is_said_twice(world, operator):
    world.script("charge", RetryLater("the bank is busy"), RetryLater("the bank is busy"))
    twice = Retry(attempts=2, first=timedelta(seconds=5))
    charge = step(world.charge, compensation=world.refund, retry=twice, on_exhausted="suspend")
    table = a_saga("one", step(world.look, reads_only=True), charge)
    found = world.run_through(world.start(table))
    answer = operator.get(page_of(found))
    shown, content = text_of(answer), answer.content.decode()
    assert '<span class="state held">needs a person</span>' in content
    assert '<span class="quiet">2 tries</span>' in content
    assert "1 in need of a person" in shown
    assert "the saga is started by a test About it" in shown
    assert " held " not in shown


def test_what_one_would_do_first_stands_in_front(scenes, operator):
    """Of a step in doubt that is to look whether it happened: who retries it may pay twice."""
    found = scenes.in_doubt()
    answer = operator.get(page_of(found))
    assert [verb.name for verb in answer.context["buttons"]][:2] == ["resolve", "retry"]
    assert "It may have happened: find out, and resolve it, or retry it under the same key." in text_of(answer)
    operations.resolve(found.pk, step="transfer", landed=False, actor="person:bob", reason="the bank has no such thing")
    answer = operator.get(page_of(found))
    assert answer.context["buttons"][0].name == "retry"
    assert "known not to have happened: an operator can retry it under a new key, or skip it." in text_of(answer)
    operations.pause(found.pk, actor="person:bob", reason="wait for the bank")
    answer = operator.get(page_of(found))
    assert answer.context["buttons"][0].name == "resume"
    assert "Paused by bob since" in text_of(answer)
    assert "UTC: wait for the bank. An operator can resume it." in text_of(answer)


def test_many_that_need_a_person_are_counted_in_the_picture(scenes, operator):
    found = scenes.forty_branches()
    assert operator.get(page_of(found)).context["picture"].count("needs a person") == 3


def test_it_offers_what_the_state_allows_and_nothing_else(world, two, operator):
    found = held(world, two)
    content = operator.get(page_of(found)).content.decode()
    for verb, fits in {"retry": True, "waive": True, "give-up": True, "cancel": False, "resume": False}.items():
        assert (verb_of(found, verb) in content) is fits


def test_two_hundred_steps_are_drawn_short_and_the_stuck_one_is_seen(scenes, operator):
    found = scenes.two_hundred_steps()
    answer = operator.get(page_of(found))
    assert [line.run.path for line in answer.context["rows"].lines] == ["step_150"]
    picture = answer.context["picture"]
    assert 'data-path="step_150"' in picture
    assert "147 rows" in picture
    assert float(re.search(r'height="([\d.]+)"', picture)[1]) < 1200


def test_all_rows_are_read_in_pages_and_nothing_is_shown_twice(scenes, operator):
    found, names, query = scenes.two_hundred_steps(), [], "rows=all"
    while query:
        rows = operator.get(f"{page_of(found)}?{query}").context["rows"]
        names += [line.name for line in rows.lines]
        query = rows.more
    assert len(names) == len(set(names)) == 150
    assert LONG_NAME in names


def test_forty_branches_show_those_that_need_a_look_first(scenes, operator):
    answer = operator.get(page_of(scenes.forty_branches()))
    names = {line.name for line in answer.context["rows"].lines}
    assert {"quote_7", "quote_19", "quote_33", "quote_12"} <= names
    assert "quote_1" not in names


def test_what_participants_and_callers_say_is_shown_as_text_only(scenes, operator):
    found = scenes.rude()
    operations.signal(found.pk, RUDE[:60], {RUDE: RUDE}, actor=RUDE)
    for address in (page_of(found), verb_of(found, "retry"), verb_of(found, "signal")):
        content = operator.get(address).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content
        assert "&lt;script&gt;" in content


def test_nothing_in_a_page_needs_an_inline_script_or_style(scenes, operator):
    answer = operator.get(page_of(scenes.going_back()))
    content = answer.content.decode()
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", content) is None


def test_a_child_leads_to_its_parent_and_back(world, scenes, operator):
    parent = scenes.of_everything()
    operations.decide(parent.pk, step="large_order", approved=True, actor="bob", reason="fine")
    world.work()
    world.later(timedelta(minutes=6))
    operations.reschedule(parent.pk, step="cool_down", at=parent.created_at, actor="bob", reason="no need")
    world.work()
    child = Saga.objects.get(parent__saga=parent)
    assert page_of(child) in operator.get(page_of(parent)).content.decode()
    assert page_of(parent) in operator.get(page_of(child)).content.decode()


def test_a_clone_leads_to_its_original_and_back(world, two, operator):
    found = world.run_through(world.start(two, business_key="one"))
    clone = operations.clone(found.pk, actor="bob", reason="again", confirm_effects=True).saga
    assert page_of(clone) in operator.get(page_of(found)).content.decode()
    assert page_of(found) in operator.get(page_of(clone)).content.decode()


def test_what_happened_is_read_in_pages(scenes, operator):
    found = scenes.two_hundred_steps()
    first = operator.get(page_of(found)).context
    second = operator.get(f"{page_of(found)}?before={first['older']}").context
    seen = [(entry.at, entry.path, entry.text) for entry in (*first["entries"], *second["entries"])]
    assert len(seen) == len(set(seen))
    assert first["entries"][0].text.startswith("the saga is stuck")
    assert len(first["entries"]) <= 3 * MOVES


def test_it_costs_the_same_however_many_rows_there_are(world, operator):
    costs = []
    for rows in (2, 30):
        steps = [step(world.function(f"s{n}"), compensation=world.function(f"u{n}")) for n in range(rows)]
        table = a_saga(f"of_{rows}", *steps)
        found = world.run_through(world.start(table))
        with CaptureQueriesContext(connection) as queries:
            operator.get(page_of(found))
        costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("query", ["rows=nonsense", "after=x", "after=99999999999999999999", "before=-1", "detail=2"])
def test_addresses_that_make_no_sense_do_no_harm(world, two, operator, query):
    assert operator.get(f"{page_of(held(world, two))}?{query}").status_code == 200


def test_a_saga_whose_table_is_gone_is_shown_all_the_same(world, two, operator):
    found = held(world, two)
    world.knows(a_saga("other", step(world.other, reads_only=True)))
    assert "does not know version 1 of two" in text_of(operator.get(page_of(found)))


def test_there_is_no_page_of_a_saga_that_there_is_not(operator, two):
    missing = Saga(pk=uuid7())
    assert operator.get(page_of(missing)).status_code == 404
    assert operator.get(verb_of(missing, "retry")).status_code == 404


def test_it_leads_to_the_trace_where_the_settings_say_how(world, two, operator, settings):
    found = world.start(two, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert "traces.example.org" not in operator.get(page_of(found)).content.decode()
    settings.SAGAS = {**settings.SAGAS, "TRACE_URL": "https://traces.example.org/t/{trace}"}
    shown = operator.get(page_of(found)).content.decode()
    assert 'href="https://traces.example.org/t/0af7651916cd43dd8448eb211c80319c"' in shown


def test_it_says_in_the_definitions_own_words_what_it_is_about(scenes, operator):
    assert "3 lines to Ø &amp; &lt;b&gt;" in operator.get(page_of(scenes.parcel_refused())).content.decode()


def test_a_summary_that_fails_keeps_nobody_from_the_page(world, operator):
    table = a_saga("odd", step(world.ship, compensation=world.recall), summary=lambda given: given["nothing"])
    found = world.start(table, {})
    assert operator.get(page_of(found)).status_code == 200
