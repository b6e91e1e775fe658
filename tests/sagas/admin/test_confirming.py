"""Before a grave decision people say once more who they are, in the console and over REST with a session alike."""

import json
from datetime import timedelta

import pytest
from django.core.cache import cache

from gateway import confirming
from sagas.models import BulkOperation
from tests.sagas.admin.conftest import BULK, asked, held, text_of, verb_of

pytestmark = pytest.mark.django_db

SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ann(operator, django_user_model):
    user = django_user_model.objects.get(username="ann")
    user.set_password(SECRET)
    user.save()
    operator.force_login(user)
    return operator


@pytest.fixture
def later(ann):
    """The login was long ago."""
    session = ann.session
    session[confirming.KEY] = "2020-01-01T00:00:00+00:00"
    session.save()


def give_up(client, found):
    """Look, and press the button: the answer, and what was sent."""
    sent = asked(client.get(verb_of(found, "give-up")), reason="beyond repair")
    return client.post(verb_of(found, "give-up"), sent), sent


def test_who_has_just_logged_in_is_not_asked(world, two, ann):
    found = held(world, two)
    assert give_up(ann, found)[0].status_code == 302


def test_later_the_password_is_asked_for_and_nothing_is_lost(world, two, ann, later):
    found = held(world, two)
    answer, sent = give_up(ann, found)
    assert "Say once more who you are" in text_of(answer)
    assert 'value="beyond repair"' in answer.content.decode()
    found.refresh_from_db()
    assert found.ended_at is None
    wrong = ann.post(verb_of(found, "give-up"), {**sent, "confirmation": "wrong"})
    assert "That is not right." in text_of(wrong)
    right = ann.post(verb_of(found, "give-up"), {**sent, "confirmation": SECRET})
    assert right.status_code == 302
    found.refresh_from_db()
    assert found.state == "failed"
    assert give_up(ann, held(world, two))[0].status_code == 302  # and is not asked again


def test_guesses_are_counted(world, two, ann, later):
    found = held(world, two)
    _, sent = give_up(ann, found)
    for _ in range(5):
        ann.post(verb_of(found, "give-up"), {**sent, "confirmation": "wrong"})
    answer = ann.post(verb_of(found, "give-up"), {**sent, "confirmation": SECRET})
    assert "Too many attempts" in text_of(answer)


def test_what_is_not_grave_and_a_look_need_nothing(world, two, ann, later):
    found = held(world, two)
    assert "What it will do" in text_of(ann.get(verb_of(found, "give-up")))
    sent = asked(ann.get(verb_of(found, "pause")), reason="a look")
    assert ann.post(verb_of(found, "pause"), sent).status_code == 302


def test_many_are_not_given_up_without_it(world, two, ann, later):
    sent = {"id": str(held(world, two).pk), "verb": "give_up", "rate": "60", "reason": "enough"}
    seen = ann.post(BULK, sent).context["seen"]
    answer = ann.post(BULK, {**sent, "do": "1", "seen": seen})
    assert "Say once more who you are" in text_of(answer)
    assert not BulkOperation.objects.exists()


def test_over_rest_a_session_is_told_to_say_it_first(world, two, ann, later):
    found, why = held(world, two), json.dumps({"reason": "beyond repair"})
    address = f"/api/v1/sagas/{found.pk}/give-up/"
    refused = ann.post(address, why, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_confirmed")
    assert ann.post(f"{address}?dry_run=true", why, content_type="application/json").status_code == 200
    many = json.dumps({"verb": "give_up", "reason": "enough", "filter": {}})
    assert ann.post("/api/v1/operations/", many, content_type="application/json").json()["code"] == "not_confirmed"


def test_who_has_no_password_here_writes_out_their_name(world, two, operator, django_user_model):
    user = django_user_model.objects.get(username="ann")
    user.set_unusable_password()
    user.save()
    operator.force_login(user)
    session = operator.session
    session[confirming.KEY] = ""
    session.save()
    found = held(world, two)
    answer, sent = give_up(operator, found)
    assert "Your user name, written out" in text_of(answer)
    assert operator.post(verb_of(found, "give-up"), {**sent, "confirmation": "bob"}).status_code == 200
    assert operator.post(verb_of(found, "give-up"), {**sent, "confirmation": "ann"}).status_code == 302


def test_an_identity_provider_is_asked_where_one_is_set(world, two, operator, django_user_model, settings):
    user = django_user_model.objects.get(username="ann")
    user.set_unusable_password()
    user.save()
    operator.force_login(user)
    settings.GATEWAY = {**settings.GATEWAY, "CONFIRM_AT": "/sso/login/", "CONFIRM_WITHIN": timedelta(0)}
    found = held(world, two)
    answer, sent = give_up(operator, found)
    assert 'href="/sso/login/"' in answer.content.decode()
    operator.post(verb_of(found, "give-up"), {**sent, "confirmation": "ann"})
    found.refresh_from_db()
    assert found.ended_at is None


def test_a_setting_asks_nobody(world, two, ann, later, settings):
    settings.GATEWAY = {**settings.GATEWAY, "CONFIRM_WITHIN": None}
    assert give_up(ann, held(world, two))[0].status_code == 302
