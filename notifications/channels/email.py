"""E-mail, through Django's mail API: `EMAIL_BACKEND` and its settings decide where it goes."""

import smtplib
from contextlib import suppress
from email.utils import parseaddr
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from notifications.channels.channel import Channel, ChannelError, Letter

LONGEST = 254  # RFC 5321, less the angle brackets
LONGEST_LINE = 78  # what a subject is cut to when it is made from the text


class Email(Channel):
    """Sends plain text. Every attempt carries the same Message-ID, so that mail programs can drop a second one."""

    address: ClassVar[str] = "email"

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
        message_id = f"<{letter.id}@{_domain()}>"
        mail = EmailMessage(
            subject=letter.subject or _first_line(letter.text),
            body=letter.text,
            to=[letter.address],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        )
        connection = get_connection()
        _connect(connection)
        try:
            _hand_over(connection, mail)
        finally:
            _close(connection)
        return message_id


def _connect(connection: Any) -> None:
    """Nothing can have been sent before the connection stands."""
    try:
        connection.open()
    except smtplib.SMTPResponseException as error:
        # The server speaks of us here, a wrong password for instance, never of this receiver: it can be put right.
        raise ChannelError(f"The mail server does not let us in: {_reply(error)}", code=str(error.smtp_code)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise ChannelError(f"The mail server cannot be reached: {error}") from error


def _hand_over(connection: Any, mail: EmailMessage) -> None:
    try:
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise _refused("receiver", code, reply) from error
    except smtplib.SMTPSenderRefused as error:
        # Our own address, which the settings can change.
        sentence = f"The mail server refuses the sender {error.sender}: {_reply(error)}"
        raise ChannelError(sentence, code=str(error.smtp_code)) from error
    except smtplib.SMTPResponseException as error:
        raise _refused("message", error.smtp_code, error.smtp_error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise ChannelError(f"The connection broke while sending: {error}", maybe_sent=True) from error


def _refused(what: str, code: int, reply: bytes | str) -> ChannelError:
    """4xx means "later", 5xx "never" (RFC 5321, 4.2.1)."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return ChannelError(
        f"The mail server refuses the {what}: {code} {text}", permanent=500 <= code < 600, code=str(code)
    )


def _reply(error: smtplib.SMTPResponseException) -> str:
    reply = error.smtp_error
    return f"{error.smtp_code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}"


def _close(connection: Any) -> None:
    with suppress(OSError, smtplib.SMTPException):  # it was taken or refused before; the goodbye says nothing
        connection.close()


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
