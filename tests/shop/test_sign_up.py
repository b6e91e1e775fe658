"""The sign-up saga as its team tells it."""

from typing import Any

import pytest

from examples.shop.clocks import CONFIRMED_WITHIN
from examples.shop.sagas import sign_up
from sagas import Abort, RetryLater
from sagas.testing import Story, fails, given, service

pytestmark = pytest.mark.django_db

NEWCOMER = {"user_id": "grace", "name": "Grace", "email": "grace@example.org"}
LINK = "http://users.example/confirm/42"


def signed_up(*cues: Any) -> Story:
    """Somebody has signed up, and everybody says yes but for what the cues say."""
    users = (
        service("users")
        .answers("POST", "/accounts", 201, {"user_id": "grace", "link": LINK})
        .answers("POST", "/accounts/delete", 200, {"deleted": 1})
        .answers("POST", "/accounts/grace/activate", 200, {"active": True})
    )
    notifications = service("notifications").answers("POST", "/api/v1/notifications/", 202, {"id": "1"})
    return given(sign_up, users, notifications, *cues, input=NEWCOMER)


def mails(run: Story) -> list[Any]:
    return [request.json for request in run.requests if request.service == "notifications"]


def test_who_follows_the_mailed_link_is_welcome() -> None:
    run = signed_up()
    run.runs("create_account", "mail_link")
    run.waits_for("email_confirmed")
    assert LINK in mails(run)[0]["content"]["text"]
    run.receives("email_confirmed", {"user_id": "grace"})
    run.runs("activate_account", "welcome")
    run.ends("completed")
    assert [mail["receiver"]["email"] for mail in mails(run)] == ["grace@example.org"] * 2


def test_an_account_that_nobody_confirms_is_deleted() -> None:
    run = signed_up()
    run.waits_for("email_confirmed")
    run.later(CONFIRMED_WITHIN)
    run.compensates("create_account")
    run.ends("compensated")
    assert len(mails(run)) == 1


def test_a_link_that_cannot_be_mailed_leaves_no_account() -> None:
    run = signed_up(fails("mail_link", Abort("There is no such address.")))
    run.compensates("create_account")
    run.ends("compensated")


def test_an_account_is_open_even_if_nobody_could_be_welcomed() -> None:
    run = signed_up(fails("welcome", RetryLater("The mail server is down.")))
    run.receives("email_confirmed")
    run.leaves_out("welcome")
    run.ends("completed")
