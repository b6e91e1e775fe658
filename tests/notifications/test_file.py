"""Without providers, letters are files: everything works on a fresh machine."""

import json

import pytest

from notifications import delivery
from notifications.checks import check_settings
from tests.notifications.post import a_notification

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("channel", "receiver"),
    [("sms", {"phone": "+4917012345678"}), ("push", {"push_token": "abc"}), ("chat", {"chat": "#sales"})],
)
def test_a_letter_is_a_file(settings, tmp_path, channel, receiver):
    settings.NOTIFICATIONS = {"OUTBOX": tmp_path}
    assert check_settings() == []
    pk = a_notification(receiver=receiver, content={"text": "Grüße"}).pk
    assert delivery.deliver(pk) == "sent"
    kept = json.loads((tmp_path / channel / f"{pk}.json").read_text())
    assert (kept["to"], kept["text"]) == (*receiver.values(), "Grüße")


def test_without_a_folder_there_is_no_such_channel(settings, service):
    settings.NOTIFICATIONS = {}
    answer = service.ask({"receiver": {"phone": "+4917012345678"}, "content": "hi"})
    assert answer.status_code == 422
