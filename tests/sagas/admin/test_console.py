"""The console: what a person on call sees first, and a retry that says what it will do and what it did."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gateway.ids import uuid7
from sagas import Abort, saga, step
from sagas.errors import Unknown
from sagas.models import Audit, Saga

pytestmark = pytest.mark.django_db

LIST = reverse("admin:sagas_saga_changelist")
RETRY = reverse("admin:sagas_saga_retry")


@pytest.fixture
def two(world):
    """A saga whose steps follow a script."""
    table = saga(
        "two",
        step(world.charge, compensation=world.refund, idempotent=False),
        step(world.ship, compensation=world.recall),
        owner="the shop team",
    )
    world.knows(table)
    return table


@pytest.fixture
def someone(client, django_user_model):
    """Logs a member of staff in who holds these permissions."""

    def log_in(*permissions: str):
        user = django_user_model.objects.create_user("ann", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def operator(someone):
    return someone("view_saga", "change_saga")


def held(world, table, why: str = "the bank says no", **options) -> Saga:
    """A saga with a compensation that needs a person."""
    world.script("charge", {"from": "charge"})
    world.script("ship", Abort("no such street"))
    world.script("refund", Abort(why))
    return world.run_through(world.start(table, **options))


def page_of(found: Saga) -> str:
    return reverse("admin:sagas_saga_change", args=[found.pk])


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def listed(answer) -> list[Saga]:
    return list(answer.context["cl"].result_list)


def test_the_list_begins_with_what_needs_a_person_and_says_why(world, two, operator):
    stuck = held(world, two, business_key="order-7")
    world.start(two, business_key="order-8")
    answer = operator.get(LIST)
    assert listed(answer) == [stuck]
    assert "charge: the bank says no" in text_of(answer)


def test_the_list_says_when_nothing_needs_a_person(world, two, operator):
    world.start(two)
    assert "Nothing needs a person." in text_of(operator.get(LIST))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?show=live", {"open", "held"}),
        ("?show=ended", {"done"}),
        ("?show=all", {"open", "held", "done"}),
        ("?state__exact=completed", {"done"}),
        ("?q=done", {"done"}),
        ("?q=do*", {"done"}),
        ("?q=do", set()),
        ("?definition=two", {"held"}),
    ],
)
def test_others_are_found_when_they_are_asked_for(world, two, operator, query, expected):
    world.run_through(world.start(two, business_key="done"))
    held(world, two, business_key="held")
    world.start(two, business_key="open")
    assert {found.business_key for found in listed(operator.get(LIST + query))} == expected


@pytest.mark.parametrize("name", ["q", "definition", "show", "state__exact", "business_key", "p"])
def test_addresses_that_make_no_sense_do_no_harm(world, two, operator, name):
    assert operator.get(f"{LIST}?{name}=%00").status_code in (200, 302)


def test_a_saga_is_found_by_its_id(world, two, operator):
    found = world.start(two)
    assert listed(operator.get(f"{LIST}?q={found.pk}")) == [found]


def test_the_list_costs_the_same_however_many_sagas_it_shows(world, two, operator):
    costs = []
    for _ in range(2):
        held(world, two)
        with CaptureQueriesContext(connection) as queries:
            operator.get(LIST)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_the_page_of_a_saga_explains_it_and_shows_all_about_it(world, two, operator):
    found = held(world, two, input={"order": 7})
    shown = text_of(operator.get(page_of(found)))
    for words in (
        "charge needs a person since",
        "Looked after by the shop team",
        "compensation_refused",
        "no such street",
        "&quot;order&quot;: 7",
        "charge stuck: the bank says no",
        "Retry …",
    ):
        assert words in shown


def test_what_participants_say_is_shown_as_text_only(world, two, operator):
    found = held(world, two, "<script>alert(1)</script>", business_key="<b>key</b>")
    for address in (LIST, page_of(found), f"{RETRY}?id={found.pk}"):
        content = operator.get(address).content.decode()
        assert "<script>alert" not in content
        assert "<b>key" not in content


def test_nothing_is_edited_added_or_deleted(world, two, client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    found = world.start(two)
    assert client.post(page_of(found), {"state": "completed"}).status_code == 405
    assert client.get(reverse("admin:sagas_saga_add")).status_code == 403
    assert client.post(reverse("admin:sagas_saga_delete", args=[found.pk]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(LIST + "?show=all").content.decode()
    assert Saga.objects.get().state == "running"


def test_who_may_only_look_sees_no_retry_and_cannot_do_it(world, two, someone):
    found, viewer = held(world, two), someone("view_saga")
    assert "Retry …" not in text_of(viewer.get(page_of(found)))
    assert "retry_selected" not in viewer.get(LIST).content.decode()
    assert viewer.get(RETRY, {"id": found.pk}).status_code == 403
    assert viewer.post(RETRY, {"id": found.pk, "reason": "again"}).status_code == 403
    viewer.post(LIST, {"action": "retry_selected", "_selected_action": found.pk, "reason": "again"})
    assert not Audit.objects.exists()


@pytest.mark.parametrize("address", [LIST, RETRY])
def test_who_may_not_look_sees_nothing(world, two, someone, address):
    found = held(world, two)
    stranger = someone()
    assert stranger.get(address, {"id": found.pk}).status_code == 403
    assert stranger.get(page_of(found)).status_code == 403


def test_a_retry_says_first_what_it_will_do(world, two, operator):
    found = held(world, two)
    shown = text_of(operator.get(RETRY, {"id": found.pk}))
    assert "The compensation of charge is tried again under the same key." in shown
    assert not Audit.objects.exists()


def test_a_retry_warns_when_something_may_happen_twice(world, two, operator):
    world.script("charge", Unknown("lost"))
    found = world.run_through(world.start(two))
    assert "so it may happen twice" in text_of(operator.get(RETRY, {"id": found.pk}))


def test_a_retry_wants_a_reason(world, two, operator):
    found = held(world, two)
    answer = operator.post(RETRY, {"id": found.pk, "reason": "  "})
    assert "Say why" in text_of(answer)
    assert not Audit.objects.exists()


def test_a_retry_goes_through_and_is_signed_by_the_person(world, two, operator):
    found = held(world, two)
    answer = operator.post(RETRY, {"id": found.pk, "reason": "the bank is open"}, follow=True)
    assert "Accepted." in text_of(answer)
    entry = Audit.objects.get()
    assert (entry.verb, entry.actor, entry.reason) == ("retry", "person:ann", "the bank is open")
    assert "retry by person:ann: the bank is open" in text_of(answer)
    assert world.run_through(found).state == "compensated"


def test_a_retry_that_does_not_fit_is_refused_with_the_reason(world, two, operator):
    found = world.run_through(world.start(two))
    assert "Not eligible. It has ended: it is completed." in text_of(operator.get(RETRY, {"id": found.pk}))
    answer = operator.post(RETRY, {"id": found.pk, "reason": "again"}, follow=True)
    assert "Refused. The saga has ended: it is completed." in text_of(answer)


def test_several_are_retried_together_and_each_gets_its_own_answer(world, two, operator):
    first, second = held(world, two, business_key="a"), held(world, two, business_key="b")
    ended = world.run_through(world.start(two, business_key="c"))
    ids = [found.pk for found in (first, second, ended)]
    asked = operator.post(f"{LIST}?show=all", {"action": "retry_selected", "_selected_action": ids})
    assert "2 of 3 are eligible" in text_of(asked)
    answered = operator.post(RETRY, {"id": ids, "reason": "the bank is open"})
    assert "2 of 3 retries were accepted" in text_of(answered)
    assert re.search(r"two c\s+Refused\. The saga has ended", text_of(answered))
    assert set(Audit.objects.values_list("saga", flat=True)) == {first.pk, second.pk}


def test_only_the_step_that_is_named_is_retried(world, two, operator):
    found = held(world, two)
    answer = operator.post(RETRY, {"id": found.pk, "step": "ship", "reason": "again"}, follow=True)
    assert "Refused." in text_of(answer)


@pytest.mark.parametrize("given", [[], ["nonsense"], ["\x00"]])
def test_a_retry_of_nothing_leads_back_to_the_list(operator, given):
    answer = operator.post(RETRY, {"id": [*given, str(uuid7())], "reason": "again"}, follow=True)
    assert "There is no such saga." in text_of(answer)


def test_sagas_of_other_tenants_are_not_there(world, two, operator):
    theirs = held(world, two, tenant="theirs")
    assert listed(operator.get(f"{LIST}?q={theirs.pk}")) == []
    assert operator.get(page_of(theirs)).status_code == 302
    operator.post(RETRY, {"id": theirs.pk, "reason": "mine?"})
    assert not Audit.objects.exists()


def test_a_page_of_a_saga_that_there_is_not_leads_back_to_the_list(operator):
    answer = operator.get(reverse("admin:sagas_saga_change", args=["nonsense"]), follow=True)
    assert "There is no such saga." in text_of(answer)
