"""People in front of the console, and sagas that need them."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from sagas import Abort, saga, step
from sagas.admin.schema.kinds import MISSING
from sagas.models import Saga
from tests.sagas.admin.scenes import Scenes

LIST = reverse("admin:sagas_saga_changelist")
START = reverse("admin:sagas_incident_changelist")
BULK = reverse("admin:sagas_bulk_begin")
OPERATIONS = reverse("admin:sagas_bulkoperation_changelist")
WORKERS = reverse("admin:sagas_worker_changelist")
AUDIT = reverse("admin:sagas_audit_changelist")
DEFINITIONS = reverse("admin:sagas_definitions")


@pytest.fixture
def two(world):
    """A saga whose steps follow a script."""
    table = saga(
        "two",
        step(world.charge, compensation=world.refund, idempotent=False),
        step(world.ship, compensation=world.recall),
        owner="the shop team",
    )
    world.knows(table)
    return table


@pytest.fixture
def scenes(world) -> Scenes:
    return Scenes(world)


@pytest.fixture
def someone(client, django_user_model):
    """Logs a member of staff in who holds these permissions."""

    def log_in(*permissions: str, name: str = "ann"):
        user = django_user_model.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def operator(someone):
    return someone("view_saga", "change_saga")


def held(world, table, why: str = "the bank says no", **options) -> Saga:
    """A saga with a compensation that needs a person."""
    world.script("charge", {"from": "charge"})
    world.script("ship", Abort("no such street"))
    world.script("refund", Abort(why))
    return world.run_through(world.start(table, **options))


def page_of(found: Saga) -> str:
    return reverse("admin:sagas_saga_change", args=[found.pk])


def verb_of(found: Saga, slug: str) -> str:
    return reverse("admin:sagas_saga_verb", args=[found.pk, slug])


def text_of(answer: Any) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def listed(answer: Any) -> list[Saga]:
    return list(answer.context["page"].sagas)


def asked(answer: Any, **more: str) -> dict[str, str]:
    """What the browser sends when the button of a verb's page is pressed."""
    decision = answer.context["decision"]
    saga = decision.saga
    sent = {"decisions": str(saga.decisions), "rev": str(saga.rev), "seen": decision.seen, "do": "1"}
    for field in decision.fields:
        value = field.value()
        if value is not None and value is not MISSING:
            sent[field.name] = value if isinstance(value, str | bool) else json.dumps(value)
    return {**sent, **more}
