"""Deciding: what a verb would do is seen first, a reason is wanted, and an old page is told what changed meanwhile."""

import json
from datetime import timedelta

import pytest

from sagas import operations
from sagas.admin.verbs import VERBS
from sagas.models import Audit, Run, Saga, Signal
from sagas.operations.previewing import VERBS as PREVIEWED
from sagas.record import clock
from tests.sagas.admin.conftest import asked, held, page_of, text_of, verb_of

pytestmark = pytest.mark.django_db


def decided(client, found: Saga, slug: str, **more: str):
    """Look at the verb's page, fill it in, look at what it would do, and press the button."""
    address = verb_of(found, slug)
    looked = client.get(address)
    if more:
        looked = filled_in(client, address, **more)
    return client.post(address, {"reason": "because", **asked(looked, **more)}, follow=True)


def filled_in(client, address: str, **more: str):
    """The page after somebody has filled in its form, and asked what it would do now."""
    sent = asked(client.get(address), **more)
    del sent["do"]
    return client.post(address, sent)


def test_every_verb_of_operations_has_a_page():
    assert {*PREVIEWED, "signal"} == VERBS.keys()


def test_a_verb_says_first_what_it_will_do_and_changes_nothing(world, two, operator):
    found = held(world, two)
    before = Saga.objects.values().get()
    shown = text_of(operator.get(verb_of(found, "give-up")))
    assert "These effects are left in place: charge." in shown
    assert Saga.objects.values().get() == before
    assert not Audit.objects.exists()


def test_a_verb_wants_a_reason(world, two, operator):
    found = held(world, two)
    looked = operator.get(verb_of(found, "retry"))
    answer = operator.post(verb_of(found, "retry"), asked(looked, reason="  "))
    assert "Say why" in text_of(answer)
    assert not Audit.objects.exists()


def test_a_retry_goes_through_and_is_signed_by_the_person(world, two, operator):
    found = held(world, two)
    answer = decided(operator, found, "retry")
    assert "Accepted." in text_of(answer)
    entry = Audit.objects.get()
    assert (entry.verb, entry.actor, entry.reason) == ("retry", "person:ann", "because")
    assert "retry by person:ann: because" in text_of(answer)
    assert world.run_through(found).state == "compensated"


def test_a_compensation_is_waived(world, two, operator):
    found = held(world, two)
    decided(operator, found, "waive")
    assert Run.objects.get(path="charge").undo == "waived"


def test_a_step_in_doubt_is_resolved_with_its_result(scenes, operator):
    found = scenes.in_doubt()
    decided(operator, found, "resolve", landed="yes", result='{"id": 7}')
    run = Run.objects.get(saga=found, path="transfer")
    assert (run.happened, run.result) == ("yes", {"id": 7})


def test_whoever_resolves_is_told_what_to_look_for_and_what_is_then_to_do(scenes, operator):
    found = scenes.in_doubt()
    run = Run.objects.get(saga=found, path="transfer")
    page = verb_of(found, "resolve")
    assert f"by the idempotency key {run.action_key}, last tried at {run.started_at:%Y-%m-%d}" in text_of(
        operator.get(page)
    )
    said = {landed: text_of(operator.post(page, {"step": "0:transfer", "landed": landed})) for landed in ("yes", "no")}
    assert "transfer counts as having happened; nobody is called for it." in said["yes"]
    assert "transfer counts as not having happened." in said["no"]
    assert "then retry transfer, under a new key, or skip it, or turn the saga back." in said["no"]
    assert "Nothing begins by itself" not in said["no"]


def test_a_step_is_skipped_with_a_supplied_result(scenes, operator):
    found = scenes.in_doubt()
    decided(operator, found, "skip", result="[1]")
    run = Run.objects.get(saga=found, path="transfer")
    assert (run.state, run.result) == ("skipped", [1])


def test_a_retry_takes_an_edited_input_and_keeps_the_difference(scenes, operator):
    (found,) = scenes.of_one_cause(1)
    edited = json.dumps({"order": "another", "amount": 12})
    decided(operator, found, "retry", input=edited)
    found.refresh_from_db()
    assert found.input["order"] == "another"
    assert Audit.objects.get().details["diff"]["order"]["after"] == "another"


def test_an_edited_input_that_does_not_fit_is_refused_with_what_is_wrong(scenes, operator):
    (found,) = scenes.of_one_cause(1)
    address = verb_of(found, "retry")
    answer = filled_in(operator, address, input='{"amount": "much"}')
    assert "/order: Field required" in text_of(answer)


def test_a_clock_is_moved(world, scenes, operator):
    (found,) = scenes.of_one_cause(1)
    later = clock.now() + timedelta(days=2)
    decided(operator, found, "reschedule", at=f"{later:%Y-%m-%dT%H:%M:%S}")
    found.refresh_from_db()
    assert abs(found.deadline_at - later) < timedelta(seconds=1)


def test_a_saga_is_paused_and_goes_on(world, two, operator):
    found = world.start(two)
    decided(operator, found, "pause")
    found.refresh_from_db()
    assert found.paused_by == "person:ann"
    decided(operator, found, "resume")
    found.refresh_from_db()
    assert found.paused_at is None


@pytest.mark.parametrize(("slug", "end"), [("cancel", "cancelled"), ("compensate", "compensated")])
def test_a_saga_is_turned_back(world, two, operator, slug, end):
    found = world.start(two)
    world.script("ship", lambda ctx: {"from": "ship"})
    world.deliver_one(Run.objects.get(saga=found))
    decided(operator, found, slug)
    assert world.run_through(found).state == end


def test_a_saga_is_given_up_and_its_page_says_what_is_left(world, two, operator):
    found = held(world, two)
    answer = decided(operator, found, "give-up")
    assert "Left in place: charge" in text_of(answer)


def test_a_clone_leads_to_its_page(world, two, operator):
    found = world.run_through(world.start(two, business_key="one"))
    answer = decided(operator, found, "clone", confirm_effects="on", business_key="two")
    clone = Saga.objects.get(business_key="two")
    assert answer.redirect_chain == [(page_of(clone), 302)]


def test_a_signal_is_sent(scenes, operator, world):
    (found,) = scenes.of_one_cause(1)
    decided(operator, found, "signal", name="payment_settled", payload='{"status": "paid"}')
    assert Signal.objects.get().payload == {"status": "paid"}


def test_who_is_not_in_the_group_does_not_decide(scenes, operator):
    found = scenes.of_everything()
    address = verb_of(found, "decide")
    answer = filled_in(operator, address, approved="yes")
    assert "you are not in it" in text_of(answer)
    assert not answer.context["decision"].seen


def test_who_is_in_the_group_decides(scenes, operator, django_user_model):
    found = scenes.of_everything()
    django_user_model.objects.get(username="ann").groups.create(name="sales")
    decided(operator, found, "decide", approved="yes")
    assert Run.objects.get(saga=found, path="large_order").given["by"] == "person:ann"


def test_nothing_is_done_that_nobody_has_looked_at(scenes, operator):
    found = scenes.in_doubt()
    address = verb_of(found, "resolve")
    looked = filled_in(operator, address, landed="yes")
    answer = operator.post(address, asked(looked, landed="no", reason="I looked it up"))
    assert "what it would do with what you have just said" in text_of(answer)
    assert not Audit.objects.exists()
    answer = operator.post(address, asked(answer, landed="no", reason="I looked it up"))
    assert answer.status_code == 302


def test_who_decides_on_an_old_page_is_told_what_happened_meanwhile(world, two, operator):
    found = held(world, two)
    looked = operator.get(verb_of(found, "retry"))
    operations.pause(found.pk, actor="person:bob", reason="wait for the bank")
    answer = operator.post(verb_of(found, "retry"), asked(looked, reason="again"))
    shown = text_of(answer)
    assert "Not done. Something was decided about this saga since you looked at it" in shown
    assert "bob decided: pause (wait for the bank)" in shown
    assert Audit.objects.get().verb == "pause"
    again = operator.post(verb_of(found, "retry"), asked(answer, reason="all the same"))
    assert again.status_code == 302
    assert set(Audit.objects.values_list("verb", flat=True)) == {"pause", "retry"}


def test_who_comes_too_late_is_told_who_was_first_also_when_nothing_is_left_to_do(world, two, operator):
    found = held(world, two)
    looked = operator.get(verb_of(found, "waive"))
    operations.waive(found.pk, step="charge", item=0, actor="person:bob", reason="the bank wrote a cheque")
    answer = operator.post(verb_of(found, "waive"), asked(looked, reason="done by hand"))
    shown = text_of(answer)
    assert "Not done. Something was decided about this saga since you looked at it" in shown
    assert "bob decided: waive charge (the bank wrote a cheque)" in shown
    assert "Select a valid choice" not in shown
    assert Audit.objects.count() == 1


def test_a_page_is_not_old_because_a_step_went_on(world, two, operator):
    found = world.start(two)
    looked = operator.get(verb_of(found, "pause"))
    world.deliver_one(Run.objects.get(saga=found))
    assert operator.post(verb_of(found, "pause"), asked(looked, reason="wait")).status_code == 302


def test_a_verb_that_does_not_fit_says_why_and_what_does(world, two, operator):
    found = world.run_through(world.start(two))
    shown = text_of(operator.get(verb_of(found, "retry")))
    assert "Not done. The saga has ended: it is completed. Possible now: Clone." in shown


def test_there_are_no_other_verbs(world, two, operator):
    found = held(world, two)
    for slug in ("delete", "give_up", "start", "__class__"):
        assert operator.get(verb_of(found, slug)).status_code == 404


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(
    "sent", [{}, {"do": "1"}, {"step": "0:nonsense", "do": "1"}, {"decisions": "x", "rev": "9" * 40}]
)
def test_whatever_a_form_sends_is_answered(world, two, operator, verb, sent):
    found = held(world, two)
    answer = operator.post(verb_of(found, verb.slug), sent)
    assert answer.status_code == 200
    assert not Audit.objects.exists()
