import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.test import Client

from sagas import saga, step

SAGAS = "/api/v1/sagas/"


class Api:
    """A service that calls with the key; `client` is Django's, and answers are its responses."""

    def __init__(self) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {settings.GATEWAY['API_KEY']}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.client.post(
            path,
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def start(self, definition: str = "two", *, key: str | None = None, **body: Any) -> Any:
        headers = {"Idempotency_Key": key} if key is not None else {}
        return self.post(SAGAS, {"definition": definition, **body}, **headers)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def two(world):
    """A saga of two steps that this process knows."""
    table = saga(
        "two",
        step(world.charge, compensation=world.refund),
        step(world.ship, compensation=world.recall),
    )
    world.knows(table)
    return table


@pytest.fixture
def person(django_user_model):
    """Logs somebody in who is in those groups and has those permissions."""

    def logged_in(name: str, groups=(), permissions=()) -> Client:
        user = django_user_model.objects.create_user(name)
        user.groups.set(Group.objects.get_or_create(name=group)[0] for group in groups)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return logged_in
