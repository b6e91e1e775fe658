"""Saved views: a filter under a name, for oneself or for everybody who may look."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from gateway.models import Membership
from sagas.admin.saved import MOST_OWN
from sagas.models import SavedView
from tests.sagas.admin.conftest import LIST, text_of
from tests.sagas.admin.scenes import RUDE

pytestmark = pytest.mark.django_db

VIEWS = reverse("admin:sagas_view")
LATE = "show=live&definition=two"


@pytest.fixture
def other(client, django_user_model):
    """Logs another person in, with these permissions."""

    def log_in(*permissions: str, name: str = "bob"):
        user = django_user_model.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


def keep(client, name: str = "Late", query: str = LATE, **more: str):
    return client.post(VIEWS, {"how": "keep", "name": name, "query": query, **more}, follow=True)


def offered(client) -> list[str]:
    return [chip.view.name for chip in client.get(LIST).context["views"]]


def test_a_view_is_kept_offered_and_shown_as_the_one_that_is_looked_at(operator):
    answer = keep(operator, query=f"{LATE}&before=x&nonsense=1&state=")
    assert answer.redirect_chain == [(f"{LIST}?{LATE}", 302)]
    (chip,) = answer.context["views"]
    assert (chip.view.name, chip.view.query, chip.is_shown) == ("Late", LATE, True)
    assert not operator.get(LIST).context["views"][0].is_shown


def test_a_view_of_the_same_name_takes_the_place_of_the_one_before(operator):
    keep(operator)
    keep(operator, query="state=stuck")
    assert list(SavedView.objects.values_list("query", flat=True)) == ["state=stuck"]


def test_others_are_offered_only_what_is_shared(operator, other):
    keep(operator, "Mine")
    keep(operator, "Ours", shared="yes")
    assert offered(operator) == ["Mine", "Ours"]
    assert offered(other("view_saga")) == ["Ours"]


def test_only_who_operates_shares(someone):
    viewer = someone("view_saga")
    assert "keep it for yourself" in text_of(keep(viewer, shared="yes"))
    assert not SavedView.objects.exists()
    keep(viewer)
    assert offered(viewer) == ["Late"]


def test_a_view_is_forgotten_by_its_owner_alone(operator, other, django_user_model):
    keep(operator, shared="yes")
    sent = {"how": "forget", "view": SavedView.objects.get().pk}
    assert "You have no such view" in text_of(other("view_saga", "change_saga").post(VIEWS, sent, follow=True))
    operator.force_login(django_user_model.objects.get(username="ann"))
    operator.post(VIEWS, sent)
    assert not SavedView.objects.exists()


def test_views_of_other_tenants_are_not_there(operator, django_user_model):
    keep(operator, shared="yes")
    Membership.objects.create(user=django_user_model.objects.get(username="ann"), tenant="theirs")
    assert offered(operator) == []


def test_there_is_an_end_to_how_many_one_keeps(operator):
    for number in range(MOST_OWN + 1):
        answer = keep(operator, f"View {number}")
    assert f"You have {MOST_OWN} views" in text_of(answer)
    assert SavedView.objects.count() == MOST_OWN
    keep(operator, "View 0", "state=failed")
    assert SavedView.objects.filter(query="state=failed").exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"how": "keep", "name": ""},
        {"how": "keep", "name": "x" * 81},
        {"how": "keep", "name": "long", "query": "q=" + "x" * 3000},
        {"how": "forget", "view": "9" * 40},
        {"how": "forget", "view": "x"},
        {"how": "forget"},
    ],
)
def test_what_makes_no_view_is_told_and_does_no_harm(operator, sent):
    answer = operator.post(VIEWS, sent, follow=True)
    assert answer.status_code == 200
    assert answer.context["messages"]
    assert not SavedView.objects.exists()


def test_there_is_nothing_else_to_do_with_a_view(operator):
    assert operator.post(VIEWS, {"how": "burn"}).status_code == 404


def test_a_name_is_text(operator):
    keep(operator, RUDE)
    page = operator.get(LIST).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
