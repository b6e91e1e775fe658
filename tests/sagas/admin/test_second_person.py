"""The console asks for what one person alone may not do, and a second one approves it there."""

import pytest
from django.test import Client
from django.urls import reverse

from sagas import operations
from sagas.models import BulkOperation, Proposal
from tests.sagas.admin.conftest import AUDIT, BULK, asked, held, text_of, verb_of

pytestmark = pytest.mark.django_db

PROPOSALS = reverse("admin:sagas_proposal_changelist")


@pytest.fixture
def bob(operator, django_user_model):
    """A second operator beside ann."""
    user = django_user_model.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(django_user_model.objects.get(username="ann").user_permissions.all())
    client = Client()
    client.force_login(user)
    return client


def page():
    return reverse("admin:sagas_proposal_decide", args=[Proposal.objects.get().pk])


def decide(client, how="approve", reason="I agree"):
    return client.post(page(), {"how": how, "reason": reason}, follow=True)


def test_the_button_asks_and_another_person_approves(world, two, operator, bob, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_FOR": ("give_up",)}
    found = held(world, two)
    looked = operator.get(verb_of(found, "give-up"))
    assert "a second person must approve it" in text_of(looked)
    said = operator.post(verb_of(found, "give-up"), asked(looked, reason="beyond repair"), follow=True)
    assert "Somebody else must approve it; nothing is done until then." in text_of(said)
    found.refresh_from_db()
    assert found.ended_at is None
    assert "Give up of two" in text_of(bob.get(PROPOSALS))
    assert "Approve and do it" not in text_of(operator.get(page()))
    looked = text_of(bob.get(page()))
    assert "Approve and do it" in looked
    assert "The saga ends: failed." in looked
    assert "You asked for it yourself" in text_of(decide(operator))
    assert "It is approved and done." in text_of(decide(bob))
    found.refresh_from_db()
    assert found.state == "failed"
    assert "approved and done, by person:bob: I agree" in text_of(operator.get(PROPOSALS))
    written = [what for _, what, _ in operator.get(AUDIT, {"verb": ""}).context["entries"]]
    assert written == ["Approve: give up", "Give up", "Ask for: give up"]
    [(entry, _, _)] = operator.get(AUDIT, {"verb": "ask"}).context["entries"]
    assert entry.reason == "beyond repair"


def test_many_are_asked_for_when_they_are_too_many(world, two, operator, bob, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_OVER": 1}
    ids = [str(held(world, two).pk) for _ in range(2)]
    sent = {"id": ids, "verb": "pause", "rate": "60", "reason": "a look"}
    looked = operator.post(BULK, sent)
    assert "a second person must approve it" in text_of(looked)
    operator.post(BULK, {**sent, "do": "1", "seen": looked.context["seen"]})
    assert not BulkOperation.objects.exists()
    assert Proposal.objects.get().count == 2
    assert "2 sagas; 2 fit as they stand, at 60 a minute." in text_of(bob.get(page()))
    decide(bob)
    assert BulkOperation.objects.get().items.count() == 2


def test_who_may_only_look_approves_nothing(world, two, operator, someone, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_FOR": ("give_up",)}
    found = held(world, two)
    operator.post(verb_of(found, "give-up"), asked(operator.get(verb_of(found, "give-up")), reason="beyond repair"))
    viewer = someone("view_saga", name="vera")
    assert decide(viewer).status_code == 403
    assert "Look, and decide" not in text_of(viewer.get(PROPOSALS))
    assert viewer.get(page()).status_code == 403
    assert Proposal.objects.get().state == "open"


def test_what_does_not_fit_any_more_cannot_be_approved(world, two, operator, bob, settings):
    settings.SAGAS = {**settings.SAGAS, "SECOND_PERSON_FOR": ("give_up",)}
    found = held(world, two)
    operator.post(verb_of(found, "give-up"), asked(operator.get(verb_of(found, "give-up")), reason="beyond repair"))
    operations.pause(found.pk, actor="person:eve", reason="wait")
    said = text_of(bob.get(page()))
    assert "It does not fit any more. Something was decided about this saga" in said
    assert "Approve and do it" not in said
    assert "It is decided already" in text_of(decide(bob, "refuse")) + text_of(bob.get(page()))
    assert operator.get(reverse("admin:sagas_proposal_decide", args=[found.pk])).status_code == 404
