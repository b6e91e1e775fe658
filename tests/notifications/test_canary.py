"""Secrets of providers, wherever they stand in the settings, are in no log, no row, no page and no answer."""

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications import delivery
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.peer import HANG_UP
from tests.notifications.post import now
from tests.notifications.test_sealed import dump

pytestmark = pytest.mark.django_db

CANARY = "c4nary-s3cret"
QUOTED = (
    b'{"error": "the token c4nary-s3cret and https://u:c4nary-s3cret@host/c4nary-s3cret?k=c4nary-s3cret are wrong"}'
)
PAGES = ("notification/", "providerhealth/", "suppression/", "receiver/")


@pytest.fixture
def providers(settings):
    """SMS through two gateways and chat, each with the canary in its address or its keys, and each out of order."""
    with peers.listening() as peer:
        gateway = {"channel": "sms", "path": "notifications.channels.sms.Gateway"}
        settings.NOTIFICATIONS = {
            "PROVIDERS": {
                "path": {
                    **gateway,
                    "options": {"url": f"{peer.url}/hooks/{CANARY}/send?key={CANARY}", "token": CANARY},
                },
                "closed": {**gateway, "options": {"url": f"http://127.0.0.1:1/{CANARY}", "token": CANARY}},
                "mail": {
                    "channel": "email",
                    "path": "notifications.channels.email.Email",
                    "options": {"backend": "django.core.mail.backends.smtp.EmailBackend", "host": "127.0.0.1"}
                    | {"port": 1, "username": CANARY, "password": CANARY},
                },
            },
            "ALLOWED_NETWORKS": ("127.0.0.0/8",),
        }
        yield peer


@pytest.mark.parametrize("answer", [(401, {}, QUOTED), (500, {}, QUOTED), (302, {"Location": CANARY}, QUOTED), HANG_UP])
def test_nothing_of_a_secret_is_logged_stored_or_shown(providers, service, caplog, answer):
    caplog.set_level(logging.DEBUG)
    providers.answers.append(answer)
    body = {"receiver": {"phone": "+15550100", "email": "jane@example.org"}, "content": "Hello."}
    seen = []
    for channels in (["sms"], ["email"], "auto"):
        pk = service.ask({**body, "channels": channels}).json()["id"]
        delivery.deliver(now(pk).pk)
        seen.append(service.get(f"{PATH}{pk}/").content.decode())
    seen += [service.get(f"{PATH}{path}").content.decode() for path in ("", "providers/")]
    seen.append(service.post(f"{PATH}?dry_run=true", body, "application/json").content.decode())
    admin = Client()
    admin.force_login(User.objects.create_superuser("anna"))
    for page in PAGES:
        seen.append(admin.get(f"/admin/notifications/{page}").content.decode())
    seen.append(admin.get(f"/admin/notifications/notification/{pk}/change/").content.decode())
    assert len(caplog.records) > 0
    told = "\n".join([*seen, dump(), *(record.getMessage() + str(record.__dict__) for record in caplog.records)])
    assert CANARY not in told
