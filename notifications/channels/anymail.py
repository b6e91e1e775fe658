"""E-mail through a provider's own API (the extra `anymail`): Postmark, Mailgun, Amazon SES, whatever Anymail knows."""

import hashlib
import importlib
import io
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.core.mail import EmailMultiAlternatives, get_connection

from gateway.signatures import Unverified
from notifications.channels.aside import PATIENCE, aside
from notifications.channels.channel import ChannelError, Letter, News
from notifications.channels.email import Email, mail_of
from notifications.channels.http import meaning
from notifications.verdict import Result

_KINDS = {
    "delivered": "delivered",
    "deferred": "deferred",
    "bounced": "bounced",
    "rejected": "failed",
    "failed": "failed",
    "complained": "complained",
    "opened": "opened",
    "clicked": "clicked",
}


class Anymail(Email):
    """`provider` is Anymail's name of it, such as "postmark"; all other options go to Anymail's back end for it.

    `webhook` is what Anymail's webhook for it checks: `{"webhook_secret": "user:password"}`, or the provider's own key
    for signatures, such as `{"webhook_signing_key": "…"}`. Without it, there are no news.
    """

    def __init__(
        self, provider: str, sender: str = "", webhook: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        self._provider, self._webhook, self._options = provider, dict(webhook or {}), options
        self._sender = sender or settings.DEFAULT_FROM_EMAIL
        _module("backends", provider)

    def send(self, letter: Letter) -> str:
        """Hand it over and return the provider's id, or our Message-ID where it tells none that can be read."""
        mail = mail_of(letter, self._sender)
        try:
            aside(lambda: self._post(mail))
        except ChannelError:
            raise
        except Exception as error:
            if _taken(error):
                return str(mail.extra_headers["Message-ID"])
            raise _classified(error) from error
        status: Any = mail.anymail_status  # type: ignore[attr-defined]
        answered = getattr(status.esp_response, "status_code", 200)
        if not status.status & {"sent", "queued"} and meaning(answered) != Result.SENT:
            raise ChannelError(f"It was answered with {answered}.", meaning(answered), code=str(answered))
        told = status.message_id
        return told if isinstance(told, str) else str(mail.extra_headers["Message-ID"])

    def _post(self, mail: EmailMultiAlternatives) -> None:
        options = {"timeout": PATIENCE.total_seconds() / 3, **self._options}
        connection: Any = get_connection(f"anymail.backends.{self._provider}.EmailBackend", **options)
        connection.open()
        try:
            if getattr(connection, "session", None) is not None:
                connection.session.max_redirects = 0
            connection.send_messages([mail])
        finally:
            connection.close()

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        """What Anymail reads in the provider's webhook; engagement and bounces alike."""
        if not any(self._webhook.values()):
            raise Unverified("This provider has no webhook.")
        view, request = self._view(), _request(headers, body)
        try:
            view.run_validators(request)
        except SuspiciousOperation:
            raise Unverified("It does not come from the provider.") from None
        try:
            told = view.parse_events(request)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError("The provider's webhook has another form.") from error
        return [news for event in told if (news := _news(event)) is not None]

    def _view(self) -> Any:
        module = _module("webhooks", self._provider)
        for found in vars(module).values():
            if (
                isinstance(found, type)
                and found.__name__.endswith("TrackingWebhookView")
                and found.__module__ == module.__name__
            ):
                return found(**self._webhook)
        raise Unverified("This provider has no webhook.")


def _module(kind: str, provider: str) -> Any:
    try:
        return importlib.import_module(f"anymail.{kind}.{provider}")
    except ImportError:
        raise ImproperlyConfigured(
            f"{provider!r} is no provider that Anymail knows, or the extra anymail is not installed."
        ) from None


def _taken(error: Exception) -> bool:
    """The provider has said yes, in words that cannot be read."""
    status = getattr(error, "status_code", None)
    return isinstance(status, int) and 200 <= status < 300 and not _rejected(error)


def _rejected(error: Exception) -> bool:
    return type(error).__name__ == "AnymailRecipientsRefused"


def _classified(error: Exception) -> ChannelError:
    """Anymail's errors carry an HTTP status, or the error of `requests` that was the cause."""
    text, status = str(error), getattr(error, "status_code", None)
    if _rejected(error):
        mail = getattr(error, "email_message", None)
        invalid = "invalid" in (getattr(getattr(mail, "anymail_status", None), "status", None) or ())
        return ChannelError(text, Result.GONE if invalid else Result.REFUSED, code="rejected")
    if isinstance(status, int):
        return ChannelError(text, meaning(status), code=str(status))
    if _names(error) & {"ConnectTimeout", "ConnectTimeoutError", "NewConnectionError", "NameResolutionError"}:
        return ChannelError(text, Result.OUT, code="not_reached")
    if "TooManyRedirects" in _names(error):
        return ChannelError("It was answered with a redirect.", Result.REFUSED, code="redirect")
    if isinstance(error, ValueError) and not isinstance(error, OSError):  # Anymail itself refuses it
        return ChannelError(text, Result.REFUSED, code=type(error).__name__)
    return ChannelError(text, Result.UNKNOWN, code="no_answer")


def _names(error: BaseException | None) -> set[str]:
    """Of its class, and of all that it was caused by or is made of."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(seen) < 20:
        one = waiting.pop()
        if isinstance(one, BaseException) and not any(one is other for other in seen):
            seen.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return {base.__name__ for one in seen for base in type(one).__mro__}


def _request(headers: Mapping[str, str], body: bytes) -> WSGIRequest:
    """The request once more, for Anymail's views; of the first one only these are known here."""
    environ: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ |= {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    return WSGIRequest(environ)


def _news(event: Any) -> News | None:
    kind, provider_id = _KINDS.get(event.event_type), event.message_id
    if kind is None or not isinstance(provider_id, str) or not provider_id:
        return None
    parts = (event.event_id, provider_id, event.event_type, event.timestamp, event.recipient)
    key = hashlib.sha256(repr(parts).encode()).hexdigest()
    detail = event.description or event.mta_response or event.reject_reason or ""
    return News(key=key, provider_id=provider_id[:255], kind=kind, detail=str(detail).replace("\x00", ""))
