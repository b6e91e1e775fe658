"""The approvals inbox: what waits for me or my groups, the oldest first, and where it is decided."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pydantic import BaseModel, Field

from gateway.models import Membership
from sagas import approval, operations, saga, step
from sagas.admin.approvals import PAGE
from sagas.models import Audit, Run
from tests.sagas.admin.conftest import asked, text_of

pytestmark = pytest.mark.django_db

INBOX = reverse("admin:sagas_approval_changelist")


class Order(BaseModel):
    order: str
    amount: int


class Terms(BaseModel):
    discount: int = Field(ge=0, le=50, title="Discount in per cent")


@pytest.fixture
def asks(world):
    """Two tables with approvals: one for sales, with a form, and one for whoever operates."""
    large = saga(
        "large",
        approval("grant", group="sales", form=Terms),
        step(world.ship, compensation=world.recall),
        input=Order,
        summary=lambda order: f"{order.order} for {order.amount}",
    )
    plain = saga("plain", approval("go_on"), step(world.charge, compensation=world.refund))
    world.knows(large, plain)
    return large, plain


@pytest.fixture
def seller(someone):
    """Somebody who may nothing but is in sales."""
    client = someone()
    Group.objects.get_or_create(name="sales")[0].user_set.add(client.session["_auth_user_id"])
    return client


def begun(world, table, key: str, **more):
    given = {"order": key, "amount": 12} if table.input else None
    found = world.start(table, given, business_key=key, **more)
    world.work(found)
    return found


def page_for(found) -> str:
    step = Run.objects.get(saga=found, kind="approval").path
    return reverse("admin:sagas_approval_decide", args=[found.pk, step])


def waiting(client, query: str = "") -> list[str]:
    return [line.run.saga.business_key for line in client.get(INBOX + query).context["lines"]]


def test_one_sees_what_waits_for_ones_groups_the_oldest_first(world, asks, seller):
    large, plain = asks
    for key in ("L-1", "L-2"):
        begun(world, large, key)
    begun(world, plain, "P-1")
    assert waiting(seller) == ["L-1", "L-2"]
    assert "L-1 for 12" in text_of(seller.get(INBOX))


def test_who_operates_sees_what_is_for_nobody_special_and_on_request_everything(world, asks, operator):
    large, plain = asks
    begun(world, large, "L-1")
    begun(world, plain, "P-1")
    assert waiting(operator) == ["P-1"]
    assert waiting(operator, "?for=everybody") == ["L-1", "P-1"]


def test_who_is_in_no_group_and_may_nothing_is_kept_out(world, asks, someone):
    found = begun(world, asks[0], "L-1")
    stranger = someone()
    assert stranger.get(INBOX).status_code == 403
    assert stranger.get(page_for(found)).status_code == 403


def test_who_only_decides_sees_nothing_else(world, asks, seller):
    begun(world, asks[0], "L-1")
    assert waiting(seller, "?for=everybody") == ["L-1"]
    begun(world, asks[1], "P-1")
    assert waiting(seller, "?for=everybody") == ["L-1"]
    page = seller.get(INBOX).content.decode()
    for name in ("incident", "saga", "worker", "audit"):
        address = reverse(f"admin:sagas_{name}_changelist")
        assert f'href="{address}"' not in page
        assert seller.get(address).status_code == 403


def test_it_is_decided_with_its_form_after_a_second_look(world, asks, seller):
    found = begun(world, asks[0], "L-1")
    page = page_for(found)
    first = text_of(seller.get(page))
    assert "L-1 for 12" in first
    assert "Asked for by a test" in first
    looked = seller.post(page, {"approved": "yes", "form#as": "form", "form/discount": "10"})
    assert "What it will do" in text_of(looked)
    assert not Audit.objects.exists()
    sent = asked(looked, approved="yes", reason="A good customer.")
    answer = seller.post(page, sent, follow=True)
    assert answer.redirect_chain == [(INBOX, 302)]
    given = Run.objects.get(saga=found, path="grant").given
    assert (given["approved"], given["by"], given["form"]) == (True, "person:ann", {"discount": 10})
    assert waiting(seller) == []


def test_a_form_that_does_not_fit_says_so_at_its_field(world, asks, seller):
    page = page_for(begun(world, asks[0], "L-1"))
    asking = seller.get(f"{page}?approved=yes")
    assert "Not done" not in text_of(asking)
    answer = seller.post(page, {"approved": "yes", "form#as": "form", "form/discount": "90"})
    assert "Input should be less than or equal to 50" in text_of(answer)
    assert not answer.context["decision"].seen


def test_no_needs_no_form(world, asks, seller):
    found = begun(world, asks[0], "L-1")
    page = page_for(found)
    answer = seller.post(page, asked(seller.get(f"{page}?approved=no"), reason="Too large."), follow=True)
    assert answer.redirect_chain
    assert Run.objects.get(saga=found, path="grant").given["approved"] is False


def test_the_first_decision_counts_and_the_second_person_is_told_of_it(world, asks, seller):
    found = begun(world, asks[0], "L-1")
    page = page_for(found)
    looked = seller.get(f"{page}?approved=no")
    operations.decide(
        found.pk, step="grant", approved=True, form={"discount": 5}, actor="person:bob", reason="He pays."
    )
    answer = text_of(seller.post(page, asked(looked, reason="Too large.")))
    assert "Not done. " in answer
    assert "person:bob said yes" in answer
    assert Audit.objects.count() == 1


def test_who_is_not_in_the_group_looks_and_does_not_decide(world, asks, operator):
    found = begun(world, asks[0], "L-1")
    page = page_for(found)
    assert "you are not in it" in text_of(operator.get(page))
    assert operator.post(page, {"approved": "yes", "reason": "me", "do": "1"}).status_code == 403
    assert not Audit.objects.exists()


def test_approvals_of_other_tenants_are_not_there(world, asks, seller, django_user_model):
    theirs = begun(world, asks[0], "L-1", tenant="theirs")
    assert waiting(seller) == []
    assert seller.get(page_for(theirs)).status_code == 404
    Membership.objects.create(user=django_user_model.objects.get(username="ann"), tenant="theirs")
    assert waiting(seller) == ["L-1"]


def test_there_is_no_approval_where_no_approval_is(world, asks, seller):
    found = begun(world, asks[0], "L-1")
    for name in ("ship", "nonsense", "%00"):
        assert seller.get(reverse("admin:sagas_approval_decide", args=[found.pk, name])).status_code == 404


def test_the_inbox_is_read_in_pages_at_one_cost(world, asks, seller):
    costs, keys = [], [f"L-{number}" for number in range(PAGE + 2)]
    for key in keys:
        begun(world, asks[0], key)
        if key in (keys[0], keys[-1]):
            with CaptureQueriesContext(connection) as queries:
                seller.get(INBOX)
            costs.append(len(queries))
    assert costs[0] == costs[1]
    more = seller.get(INBOX).context["more"]
    assert waiting(seller) + waiting(seller, f"?after={more}") == keys
