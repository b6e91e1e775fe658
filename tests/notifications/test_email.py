"""E-mail, against a mail server that takes it, refuses it, or breaks off at any point."""

import email
import email.policy
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.ids import uuid7
from notifications.channels import email as email_channel
from notifications.channels.channel import ChannelError, Letter
from notifications.channels.email import Email
from tests.notifications import smtp
from tests.notifications.smtp import DRIP, FLOOD, HANG_UP, SILENCE, MailServer

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def a_letter(**values: Any) -> Letter:
    return Letter(
        **{
            "id": uuid7(),
            "tenant": "default",
            "address": "jane@example.org",
            "subject": "Your order",
            "text": "Grüße",
            **values,
        }
    )


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with smtp.listening() as server:
        settings.EMAIL_BACKEND = SMTP
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        settings.DEFAULT_FROM_EMAIL = "The Shop <shop@example.com>"
        yield server


def test_a_mail_server_gets_it(server):
    letter = a_letter()
    assert Email().send(letter) == f"<{letter.id}@example.com>"
    (raw,) = server.mails
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert (mail["To"], mail["From"], mail["Subject"]) == (
        "jane@example.org",
        "The Shop <shop@example.com>",
        "Your order",
    )
    assert mail["Message-ID"] == f"<{letter.id}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == "Grüße"


def test_a_second_attempt_has_the_same_message_id(server):
    letter = a_letter()
    assert Email().send(letter) == Email().send(letter)


@pytest.mark.parametrize(
    ("text", "subject"),
    [("Hello\nthere", "Hello"), ("\n \n  Hello \nthere", "Hello"), ("four " * 20, "four " * 15 + "fo…"), ("\n", "")],
)
def test_without_a_subject_the_first_line_is_the_subject(server, text, subject):
    Email().send(a_letter(subject="", text=text))
    mail = email.message_from_bytes(server.mails[0], policy=email.policy.default)
    assert mail["Subject"].strip() == subject  # a folded header is unfolded with a space


@pytest.mark.parametrize(
    ("command", "answer", "result", "code"),
    [
        ("HELLO", "421 too many connections", "out", "421"),
        ("HELLO", "554 go away", "denied", "554"),  # it speaks of us, and can be put right
        ("HELLO", HANG_UP, "out", ""),
        ("HELLO", SILENCE, "out", ""),
        ("EHLO", HANG_UP, "out", ""),
        ("MAIL", "550 unknown sender", "denied", "550"),
        ("MAIL", HANG_UP, "out", ""),
        ("MAIL", SILENCE, "out", ""),
        ("RCPT", HANG_UP, "out", ""),
        ("DATA", HANG_UP, "out", ""),  # it has not asked for it yet
        ("MAIL", "451 later", "out", "451"),
        ("RCPT", "550 no such user", "gone", "550"),
        ("RCPT", "550 5.1.1 no such user", "gone", "550"),
        ("RCPT", "553 5.1.3 no such user", "gone", "553"),
        ("RCPT", "550 5.7.1 we do not like you", "refused", "550"),  # the address may be a good one
        ("RCPT", "552 5.2.2 mailbox full", "refused", "552"),
        ("RCPT", "450 greylisted", "not_now", "450"),
        ("RCPT", "421 closing", "out", "421"),
        ("DATA", "554 no valid recipients", "refused", "554"),
        ("DATA", "451 later", "not_now", "451"),
        (".", "552 too big", "refused", "552"),
        (".", "550 spam", "refused", "550"),
        (".", "451 later", "not_now", "451"),
        (".", HANG_UP, "unknown", ""),
        (".", SILENCE, "unknown", ""),
    ],
)
def test_what_the_server_says_decides_what_is_known(server, command, answer, result, code):
    server.answers[command] = answer
    with pytest.raises(ChannelError) as raised:
        Email().send(a_letter())
    error = raised.value
    assert (error.result, error.code) == (result, code)
    assert str(error)
    assert bool(server.mails) == (result == "unknown")


@pytest.mark.parametrize(("answer", "result"), [("550 we do not talk to you", "denied"), ("450 not now", "out")])
def test_a_server_that_does_not_greet_speaks_of_us(server, answer, result):
    server.answers |= {"EHLO": answer, "HELO": answer}
    with pytest.raises(ChannelError) as raised:
        Email().send(a_letter())
    assert raised.value.result == result


@pytest.mark.parametrize(("command", "result"), [("HELLO", "out"), ("MAIL", "out"), (".", "unknown")])
def test_a_server_that_drips_its_reply_is_given_up_on(server, monkeypatch, command, result):
    """No single read takes long; the reply would take for ever."""
    monkeypatch.setattr(email_channel, "PATIENCE", timedelta(seconds=1))
    server.answers[command] = DRIP
    with pytest.raises(ChannelError) as raised:
        Email().send(a_letter())
    assert (raised.value.result, "longer than it may" in str(raised.value)) == (result, True)


def test_a_server_that_speaks_without_an_end_is_not_listened_to(server):
    server.answers["MAIL"] = FLOOD
    with pytest.raises(ChannelError) as raised:
        Email().send(a_letter())
    assert (raised.value.result, "more than a mail server has to say" in str(raised.value)) == ("out", True)


def test_a_server_that_does_not_listen_was_sent_nothing(server, settings):
    settings.EMAIL_PORT = 1
    with pytest.raises(ChannelError) as raised:
        Email().send(a_letter())
    assert raised.value.result == "out"


@pytest.mark.parametrize("goodbye", [HANG_UP, SILENCE, "221 " + "bye " * 5000], ids=["hang up", "silence", "endless"])
def test_how_the_goodbye_goes_does_not_matter(server, goodbye):
    server.answers["QUIT"] = goodbye
    assert Email().send(a_letter())
    assert len(server.mails) == 1


def test_without_a_mail_server_it_is_a_file(settings, tmp_path: Path):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    letter = a_letter(id=uuid.UUID(int=17))
    Email().send(letter)
    (written,) = tmp_path.iterdir()
    assert f"<{letter.id}@" in written.read_text()
