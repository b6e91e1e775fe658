"""The roles that a migration makes, and what each of them opens."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection
from django.urls import reverse

from tests.sagas.admin.conftest import BULK, START, held, page_of, verb_of

pytestmark = pytest.mark.django_db

MEMBERSHIPS = reverse("admin:gateway_membership_changelist")


class Editor:
    """What a migration is handed, as far as this one looks at it."""

    connection = connection


@pytest.fixture
def member(client, django_user_model):
    """Logs in somebody who has that role and nothing else."""
    import_module("sagas.migrations.0008_roles").make_roles(apps, Editor())

    def log_in(role: str):
        user = django_user_model.objects.create_user("ann", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return log_in


@pytest.mark.parametrize(
    ("role", "looks", "decides", "administers"),
    [("viewer", 200, 403, 403), ("operator", 200, 200, 403), ("administrator", 200, 200, 200)],
)
def test_a_role_opens_what_it_is_for(world, two, member, role, looks, decides, administers):
    client, found = member(role), held(world, two)
    assert {client.get(address).status_code for address in (START, page_of(found))} == {looks}
    assert client.get(verb_of(found, "retry")).status_code == decides
    assert client.post(BULK, {"id": found.pk}).status_code == decides
    assert client.get(MEMBERSHIPS).status_code == administers


def test_a_role_that_is_there_keeps_what_it_was_given_beside(member):
    member("viewer")
    group = Group.objects.get(name="viewer")
    group.permissions.add(*Group.objects.get(name="operator").permissions.all())
    had = set(group.permissions.values_list("codename", flat=True))
    import_module("sagas.migrations.0008_roles").make_roles(apps, Editor())
    assert set(group.permissions.values_list("codename", flat=True)) == had
