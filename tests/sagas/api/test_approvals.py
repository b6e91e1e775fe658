"""What waits for a yes or no, over REST: to each what is theirs to decide."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pydantic import BaseModel

from sagas import Sensitive, approval, operations, saga, step
from sagas.words.sensitive import MASK

pytestmark = pytest.mark.django_db

APPROVALS = "/api/v1/approvals/"


class Order(BaseModel):
    order: str
    card: Sensitive[str] = "4929-7316"


class Terms(BaseModel):
    discount: int = 0


@pytest.fixture
def asking(world):
    """Three sagas that ask: two sales, one whoever operates."""
    large = saga(
        "large",
        approval("grant", group="sales", form=Terms),
        step(world.ship, compensation=world.recall),
        input=Order,
        summary=lambda order: f"{order.order} is large",
    )
    plain = saga("plain", approval("go_on"), step(world.charge, compensation=world.refund))
    world.knows(large, plain)
    begun = [world.start(large, {"order": "o-1"}, business_key="o-1"), world.start(plain)]
    begun.append(world.start(large, {"order": "o-2"}, business_key="o-2"))
    for found in begun:
        world.work(found)
    return begun


def steps(client: Client, query: str = "") -> list[tuple[str, str | None]]:
    answer = client.get(f"{APPROVALS}{query}")
    assert answer.status_code == 200, answer.content
    return [(one["step"], one["business_key"]) for one in answer.json()["results"]]


def test_a_person_sees_what_is_theirs_to_decide_the_oldest_first(asking, person):
    mine = [("grant", "o-1"), ("grant", "o-2")]
    assert steps(person("sue", groups=["sales"])) == mine
    assert steps(person("ola", permissions=["change_saga"])) == [("go_on", None)]
    assert steps(person("both", groups=["sales"], permissions=["change_saga"])) == [mine[0], ("go_on", None), mine[1]]
    assert steps(person("bob", groups=["purchase"], permissions=["view_saga"])) == []


def test_who_may_look_may_see_what_waits_for_others(asking, person):
    viewer, seller = person("vic", permissions=["view_saga"]), person("sue", groups=["sales"])
    assert len(steps(viewer, "?everybody=true")) == 3
    assert seller.get(f"{APPROVALS}?everybody=true").status_code == 403


def test_a_service_sees_all_and_what_is_asked(asking, api):
    first, *others = api.get(APPROVALS).json()["results"]
    assert len(others) == 2
    assert (first["group"], first["summary"], first["input"]) == (
        "sales",
        "o-1 is large",
        {"order": "o-1", "card": MASK},
    )
    assert first["form"]["properties"]["discount"]["type"] == "integer"
    assert first["since"] is not None
    decided = api.post(first["links"]["decide"], {"step": "grant", "approved": True, "form": {}, "reason": "fine"})
    assert decided.status_code == 200
    assert [one["business_key"] for one in api.get(APPROVALS, limit=1).json()["results"]] == [None]


def test_what_is_decided_or_of_others_is_not_listed(asking, person, django_user_model):
    seller = person("sue", groups=["sales"])
    about = {"actor": "sue", "reason": "fine"}
    operations.decide(asking[0].pk, step="grant", approved=False, **about)
    asking[2].tenant = "other"
    asking[2].save(update_fields=["tenant"])
    assert steps(seller) == []
    django_user_model.objects.get(username="sue").user_permissions.set(Permission.objects.filter(codename="view_saga"))
    assert steps(seller, "?everybody=true") == [("go_on", None)]
