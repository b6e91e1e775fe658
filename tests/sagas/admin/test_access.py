"""Who may do what: asked for below the templates, on every address that there is."""

from uuid import UUID

import pytest
from django.contrib import admin
from django.urls import URLPattern, reverse

from gateway.models import Membership
from sagas.admin.console import Console
from sagas.models import Audit, BulkOperation, Saga
from tests.sagas.admin.conftest import (
    AUDIT,
    BULK,
    DEFINITIONS,
    LIST,
    OPERATIONS,
    START,
    WORKERS,
    held,
    page_of,
    text_of,
    verb_of,
)

pytestmark = pytest.mark.django_db

ADMINS = [kind for kind in admin.site._registry.values() if isinstance(kind, Console)]
ROUTES: list[URLPattern] = [route for kind in ADMINS for route in kind.get_urls()]
DECIDING = {
    "sagas_proposal_decide",
    "sagas_saga_verb",
    "sagas_saga_reveal",
    "sagas_bulk_begin",
    "sagas_bulk_steer",
    "sagas_incident_say",
    "sagas_hold_verb",
}
DECIDING |= {"sagas_outboxevent_act"}
OF_KEYS = {f"gateway_apikey_{name}" for name in ("changelist", "new", "rotate", "revoke")}
OWN = {"sagas_view", "sagas_approval_decide"}
"""Where who may only look may do something after all: keep a filter, decide what their group is asked."""
BROWSER = {"headers": {"accept": "text/html"}}
GIVEN = {"kind": "csv", "name": "two", "verb": "retry", "step": "ship"}


def address(route: URLPattern, found: Saga) -> str:
    values = {name: GIVEN.get(name, found.pk) for name in route.pattern.converters}
    return reverse(f"admin:{route.name}", kwargs=values)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_is_not_logged_in_is_sent_to_the_login(world, two, client, route):
    answer = client.get(address(route, held(world, two)))
    assert answer.status_code == 302
    assert "/login/" in answer.url


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_may_nothing_sees_nothing(world, two, someone, route):
    assert someone().get(address(route, held(world, two))).status_code == 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_may_only_look_sees_what_decides_nothing(world, two, someone, route):
    viewer, found = someone("view_saga"), held(world, two)
    forbidden = route.name in DECIDING | OF_KEYS
    assert viewer.get(address(route, found)).status_code in ((403,) if forbidden else (200, 404, 405))
    answer = viewer.post(address(route, found), {"id": found.pk, "reason": "again", "do": "1"})
    assert answer.status_code == (403 if forbidden else 404 if route.name in OWN else 405)
    assert not Audit.objects.exists()
    assert not BulkOperation.objects.exists()


def test_who_may_only_look_is_offered_no_decision(world, two, someone):
    found, viewer = held(world, two), someone("view_saga")
    assert "Retry …" not in text_of(viewer.get(page_of(found)))
    assert "Decide on" not in text_of(viewer.get(LIST))


def test_who_may_only_look_is_told_so_on_a_page_that_leads_back(world, two, someone):
    refused = someone("view_saga").get(verb_of(held(world, two), "retry"), **BROWSER)
    assert (refused.status_code, "You may look, but not decide." in text_of(refused)) == (403, True)
    assert f'href="{START}"' in refused.content.decode()


def test_what_is_not_there_is_a_page_that_leads_back(someone):
    missing = someone("view_saga").get(reverse("admin:sagas_saga_change", args=[UUID(int=7)]), **BROWSER)
    assert (missing.status_code, "There is no saga" in text_of(missing)) == (404, True)
    assert "Content-Security-Policy" in missing


def test_who_may_decide_may_look(world, two, someone):
    assert someone("change_saga").get(page_of(held(world, two))).status_code == 200


def test_nothing_is_edited_added_or_deleted(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    for kind in ADMINS:
        for name in ("add", "delete", "history"):
            assert not any(route.name.endswith(f"_{name}") for route in kind.get_urls())
        page = client.get(reverse(f"admin:{kind.opts.app_label}_{kind.opts.model_name}_changelist"))
        assert "delete_selected" not in page.content.decode()


def test_sagas_of_other_tenants_are_not_there(world, two, operator, django_user_model):
    theirs = held(world, two, tenant="theirs", business_key="theirs-1")
    for found in (LIST, f"{LIST}?show=all&q={theirs.pk}", START, AUDIT, DEFINITIONS):
        assert "theirs-1" not in text_of(operator.get(found))
    assert "Nothing needs a person." in text_of(operator.get(START))
    assert operator.get(page_of(theirs)).status_code == 404
    for slug in ("retry", "give-up"):
        assert operator.post(verb_of(theirs, slug), {"reason": "mine?", "do": "1"}).status_code == 404
    operator.post(
        BULK, {"id": theirs.pk, "reason": "mine?", "do": "1", "verb": "retry", "rate": "9", "seen": "retry 1"}
    )
    operator.post(BULK, {"all": "1", "reason": "mine?", "do": "1", "verb": "retry", "rate": "9", "seen": "retry 1"})
    assert not BulkOperation.objects.exists()
    export = operator.get(reverse("admin:sagas_saga_export", args=["csv"]), {"show": "all"})
    assert b"theirs-1" not in b"".join(export.streaming_content)
    assert not Audit.objects.exists()
    Membership.objects.create(user=django_user_model.objects.get(username="ann"), tenant="theirs")
    assert operator.get(page_of(theirs)).status_code == 200


@pytest.mark.parametrize("found", [LIST, START, AUDIT, DEFINITIONS, WORKERS, OPERATIONS])
def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_that_was_written_into_it(operator, found):
    policy = operator.get(found)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
