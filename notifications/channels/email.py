"""E-mail, through Django's mail API: `EMAIL_BACKEND` and its settings decide where it goes, or a provider's options."""

import smtplib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email

from gateway.deadlines import bounded
from gateway.limits import cut
from notifications.channels.channel import Channel, ChannelError, Letter, News
from notifications.channels.tracking import read_events
from notifications.verdict import Result

LONGEST = 254  # RFC 5321, less the angle brackets
LONGEST_LINE = 78  # what a subject is cut to when it is made from the text

PATIENCE = timedelta(seconds=30)
"""For the whole talk with a mail server."""
UNBOUNDED = "django.core.mail.backends.smtp.EmailBackend"
BOUNDED = "notifications.channels.smtp.EmailBackend"


class Email(Channel):
    """Sends text, and HTML beside it. Every attempt has the same Message-ID: mail programs can drop a second one.

    `options` go to Django's mail back end: `backend`, `host`, `port`, `username`, `password`, `use_tls`, `timeout` …;
    `sender` is the address it comes from, DEFAULT_FROM_EMAIL if it is not given. `events_secrets` are what the webhook
    is signed with that tells of bounces.
    """

    address: ClassVar[str] = "email"

    def __init__(self, sender: str = "", events_secrets: Sequence[str] = (), **options: Any) -> None:
        self._sender = sender or settings.DEFAULT_FROM_EMAIL
        self._events_secrets = events_secrets
        self._options = options

    def check(self, address: str) -> None:
        """Refuse what no mail server would take."""
        try:
            validate_email(address)
        except ValidationError:
            raise ValueError("This is no e-mail address; write it like jane@example.org.") from None
        if len(address) > LONGEST:
            raise ValueError(f"An e-mail address has at most {LONGEST} characters.")

    def send(self, letter: Letter) -> str:
        """Hand it to the mail server and return its Message-ID."""
        mail = mail_of(letter, self._sender)
        connection = get_connection(**self._options | {"backend": self._backend()})
        with bounded(PATIENCE.total_seconds()):
            try:
                _connect(connection)
                _hand_over(connection, mail)
            finally:
                _close(connection)
        return str(mail.extra_headers["Message-ID"])

    def _backend(self) -> str:
        """Django's own for SMTP, but with an end."""
        named = str(self._options.get("backend") or settings.EMAIL_BACKEND)
        return BOUNDED if named == UNBOUNDED else named

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        """What whoever reads the bounces says."""
        return read_events(self._events_secrets, headers, body)


def mail_of(letter: Letter, sender: str) -> EmailMultiAlternatives:
    """The letter as a mail, with the same Message-ID in every attempt."""
    message_id = f"<{letter.id}@{_domain(sender)}>"
    mail = EmailMultiAlternatives(
        subject=letter.subject or _first_line(letter.text),
        body=letter.text,
        from_email=sender,
        to=[letter.address],
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated", **_unsubscribing(letter)},
    )
    if letter.html:
        mail.attach_alternative(letter.html, "text/html")
    return mail


def _connect(connection: Any) -> None:
    """Nothing can have been sent before the connection stands."""
    try:
        connection.open()
    except smtplib.SMTPResponseException as error:
        # The server speaks of us here, never of this receiver: 4xx passes by itself, the rest somebody puts right.
        raise _of_us("does not let us in", error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise ChannelError(f"The mail server cannot be reached: {error}", Result.OUT) from error


def _hand_over(connection: Any, mail: EmailMultiAlternatives) -> None:
    try:
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise _refused("receiver", code, reply) from error
    except smtplib.SMTPSenderRefused as error:
        raise _of_us(f"refuses the sender {error.sender}", error) from error
    except smtplib.SMTPHeloError as error:
        raise _of_us("does not greet us back", error) from error
    except smtplib.SMTPResponseException as error:
        raise _refused("message", error.smtp_code, error.smtp_error) from error
    except (OSError, smtplib.SMTPException) as error:
        if not getattr(getattr(connection, "connection", None), "offered", True):
            raise ChannelError(f"The connection broke before the message was sent: {error}", Result.OUT) from error
        raise ChannelError(f"The connection broke while sending: {error}", Result.UNKNOWN) from error


def _refused(what: str, code: int, reply: bytes | str) -> ChannelError:
    """4xx means "later", 5xx "never" (RFC 5321, 4.2.1); 5.1.x speaks of an address that is not there (RFC 3463)."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    result = Result.NOT_NOW
    if code == 421:
        result = Result.OUT  # the server is closing down
    elif 500 <= code < 600:
        enhanced = text.split(maxsplit=1)[0] if text.split() else ""
        no_such = enhanced.startswith("5.1.") or (not enhanced.startswith("5.") and code in (550, 551, 553))
        result = Result.GONE if what == "receiver" and no_such else Result.REFUSED
    return ChannelError(f"The mail server refuses the {what}: {code} {text}", result, code=str(code))


def _of_us(what: str, error: smtplib.SMTPResponseException) -> ChannelError:
    result = Result.OUT if 400 <= error.smtp_code < 500 else Result.DENIED
    return ChannelError(f"The mail server {what}: {_reply(error)}", result, code=str(error.smtp_code))


def _reply(error: smtplib.SMTPResponseException) -> str:
    reply = error.smtp_error
    return f"{error.smtp_code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}"


def _close(connection: Any) -> None:
    with suppress(OSError, smtplib.SMTPException):  # it was taken or refused before; the goodbye says nothing
        connection.close()


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _unsubscribing(letter: Letter) -> dict[str, str]:
    """What lets mail programs show a button for it (RFC 8058)."""
    if not letter.unsubscribe:
        return {}
    return {"List-Unsubscribe": f"<{letter.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return cut(line, LONGEST_LINE)
