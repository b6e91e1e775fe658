import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.models import Membership
from tests.gateway.conftest import KEY

pytestmark = pytest.mark.django_db


def a_person(*permissions: str, **fields: object) -> User:
    anna = User.objects.create_user("anna", password="long enough", **fields)
    anna.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return anna


def logged_in(person: User, **settings: object) -> Client:
    client = Client(**settings)
    client.force_login(person)
    return client


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}, {"X-API-Key": KEY}]
)
def test_a_service_comes_in_with_the_key(headers):
    answer = Client().get("/api/echo/", headers=headers)
    assert answer.json() == {"caller": "service", "tenant": "default"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": ""},
        {"X-API-Key": "schlüssel"},
    ],
)
def test_nobody_else_comes_in_and_is_told_how(headers):
    answer = Client().get("/api/echo/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize("given", ["Bearer ", "Bearer None", "Bearer"])
def test_without_a_key_in_the_settings_no_service_comes_in(settings, key, given):
    settings.GATEWAY = {"API_KEY": key}
    assert Client().get("/api/echo/", headers={"Authorization": given}).status_code == 401


def test_a_person_with_the_permission_comes_in_by_session():
    answer = logged_in(a_person("view_idempotencykey")).get("/api/echo/")
    assert answer.json() == {"caller": "person:anna", "tenant": "default"}


@pytest.mark.parametrize("permissions", [(), ("add_idempotencykey",)])
def test_a_person_without_the_permission_is_refused(permissions):
    answer = logged_in(a_person(*permissions)).get("/api/echo/")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_a_person_that_was_deactivated_is_out():
    client = logged_in(anna := a_person("view_idempotencykey"))
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert client.get("/api/echo/").status_code == 401


def test_a_session_alone_changes_nothing_without_the_csrf_token():
    client = logged_in(a_person("add_idempotencykey"), enforce_csrf_checks=True)
    answer = client.post("/api/echo/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in answer.json()["detail"]


def test_a_door_that_forgot_to_say_what_it_needs_is_closed_to_everybody(service):
    assert service.get("/api/unguarded/").status_code == 403
    assert logged_in(User.objects.create_superuser("root")).get("/api/unguarded/").status_code == 403


def test_a_person_belongs_to_the_tenant_that_says_so():
    anna = a_person("view_idempotencykey")
    Membership.objects.create(user=anna, tenant="acme")
    assert logged_in(anna).get("/api/echo/").json() == {"caller": "person:anna", "tenant": "acme"}
