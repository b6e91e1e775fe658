"""The console's page of alerts: what rings, who was told, whether it is over, and when it would ring again."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse

from sagas.engine.alerting import look_for_trouble, send_alerts
from sagas.models import AlertMessage, Incident, Sweep
from sagas.operations import grouping
from sagas.record import clock
from tests.sagas.admin.conftest import START, text_of
from tests.sagas.admin.scenes import RUDE

pytestmark = pytest.mark.django_db

ALERTS = reverse("admin:sagas_alert_changelist")
CHARGE = reverse("admin:sagas_incident_group") + "?definition=order&amp;step=charge&amp;code=http_5xx"
NOWHERE = {"url": "http://127.0.0.1:1/", "receivers": [{"receiver": {"email": "on-call@example.org"}}]}


@pytest.fixture(autouse=True)
def swept():
    now = clock.now()
    Sweep.objects.create(at=now, steady_since=now)


def look() -> None:
    """People are told of what there is."""
    Sweep.objects.update(alerted_at=clock.now() - timedelta(seconds=11))
    look_for_trouble(clock.now())
    send_alerts()


def sides(client) -> dict[str, list[str]]:
    """What the page lists."""
    return {name: [one.title for one, _ in found] for name, _, found in client.get(ALERTS).context["sides"]}


def test_without_any_it_says_so(operator):
    said = text_of(operator.get(ALERTS))
    assert "Nothing rings." in said
    assert "Nothing that rang is over." in said


def test_what_rings_leads_to_its_cause_and_says_who_was_told(scenes, operator):
    scenes.of_one_cause(2)
    look()
    answer = operator.get(ALERTS)
    assert sides(operator) == {"ringing": ["order: charge: http_5xx"], "over": []}
    assert CHARGE in answer.content.decode()
    said = text_of(answer)
    assert "the payments team" in said
    assert "the log: it began at" in said
    assert "Alerts that ring 1" in text_of(operator.get(START))


def test_what_is_over_says_until_when_it_would_stay_quiet(scenes, world, operator):
    scenes.of_one_cause(1)
    look()
    Incident.objects.update(closed_at=clock.now())
    look()
    assert sides(operator) == {"ringing": [], "over": ["order: charge: http_5xx"]}
    said = text_of(operator.get(ALERTS))
    assert "would not ring before" in said
    assert "the log: it is over at" in said
    assert "Alerts that ring 0" in text_of(operator.get(START))
    world.later(timedelta(hours=2))
    assert "would not ring before" not in text_of(operator.get(ALERTS))


def test_what_the_service_does_not_take_is_said_with_whom_it_is_for(scenes, operator, settings):
    settings.SAGAS = {**settings.SAGAS, "ALERTS": NOWHERE}
    scenes.of_one_cause(1)
    look()
    said = text_of(operator.get(ALERTS))
    assert "on-call@example.org: it began not told yet, 1 try:" in said
    AlertMessage.objects.update(done_at=clock.now())
    assert "on-call@example.org: it began was never taken:" in text_of(operator.get(ALERTS))


def test_a_cause_that_was_muted_meanwhile_says_so(scenes, operator):
    scenes.of_one_cause(1)
    look()
    [group] = grouping.groups("default")
    grouping.mute(group.id, clock.now() + timedelta(hours=8), actor="person:bob", tenant="default")
    assert "muted until" in text_of(operator.get(ALERTS))


def test_alerts_of_other_tenants_are_not_there_and_those_of_the_installation_are(scenes, operator):
    scenes.of_one_cause(1)
    Incident.objects.update(tenant="theirs")
    Sweep.objects.update(alerted_at=clock.now() - timedelta(minutes=5))
    look_for_trouble(clock.now())
    [title] = sides(operator)["ringing"]
    assert title.startswith("nobody swept from")


def test_what_somebody_wrote_into_one_is_text(scenes, operator):
    scenes.of_one_cause(1)
    look()
    AlertMessage.objects.update(subject=f"Needs a person: {RUDE}", owner=RUDE, error=RUDE)
    markup = operator.get(ALERTS).content.decode()
    assert markup.count("&lt;script&gt;alert(") == 3
    assert "<script>alert" not in markup


def test_over_rest_and_on_the_command_line_they_are_the_same(scenes, operator, capsys):
    scenes.of_one_cause(1)
    look()
    [one] = operator.get("/api/v1/alerts/").json()["results"]
    assert (one["definition"], one["step"], one["reason_code"], one["over_at"]) == ("order", "charge", "http_5xx", None)
    [told] = one["told"]
    assert (told["what"], told["to"], told["error"], told["is_lost"]) == ("new", "the log", None, False)
    call_command("saga", "alerts", "--json")
    [same] = json.loads(capsys.readouterr().out)
    assert same["id"] == one["id"]
    call_command("saga", "alerts")
    assert "the log: it began" in capsys.readouterr().out
