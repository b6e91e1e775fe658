"""Push to Android, iOS and browsers through Firebase Cloud Messaging, HTTP v1."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import jwt

from notifications.channels.channel import Channel, ChannelError, Letter
from notifications.channels.http import member, post_form, post_json
from notifications.verdict import Result

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = timedelta(hours=1)
RENEWED_BEFORE = timedelta(minutes=5)

_tokens: dict[tuple[str, str], tuple[float, str]] = {}  # of this process, by account and address: (ends, token)


class Fcm(Channel):
    """`account` is the service account's JSON: `project_id`, `client_email`, `private_key`, `token_uri`.

    The device's token is the receiver's `push_token`. FCM knows no idempotency keys; on the device a second message
    replaces the first, since both have the same tag.
    """

    address: ClassVar[str] = "push_token"

    def __init__(self, account: Mapping[str, str], url: str = "https://fcm.googleapis.com") -> None:
        self._account = account
        self._url = f"{url.rstrip('/')}/v1/projects/{account['project_id']}/messages:send"

    def send(self, letter: Letter) -> str:
        """Hand it over and return its name at Google."""
        tag = str(letter.id)
        message = {
            "token": letter.address,
            "notification": {"title": letter.subject, "body": letter.text},
            "data": {"id": tag, **letter.metadata},
            "android": {"notification": {"tag": tag}},
            "apns": {"headers": {"apns-collapse-id": tag}},
        }
        try:
            answer = post_json(self._url, {"message": message}, {"Authorization": f"Bearer {self._token()}"})
        except ChannelError as error:
            if error.code == "404" or "UNREGISTERED" in str(error):
                raise ChannelError(str(error), Result.GONE, code=error.code) from None
            if error.result == Result.DENIED:
                _tokens.pop(self._key, None)
            raise
        return member(answer, "name")

    @property
    def _key(self) -> tuple[str, str]:
        return self._account["client_email"], self._account["token_uri"]

    def _token(self) -> str:
        """An access token, kept until five minutes before its end. Whatever goes wrong here, nothing was sent."""
        ends, token = _tokens.get(self._key, (0.0, ""))
        if time.time() < ends - RENEWED_BEFORE.total_seconds():
            return token
        now = int(time.time())
        claims = {
            "iss": self._account["client_email"],
            "scope": SCOPE,
            "aud": self._account["token_uri"],
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
        }
        signed = jwt.encode(claims, self._account["private_key"], algorithm="RS256")
        try:
            answer = post_form(self._account["token_uri"], {"grant_type": GRANT, "assertion": signed}, {})
        except ChannelError as error:
            denied = error.result in (Result.REFUSED, Result.DENIED)
            raise ChannelError(
                f"Google gives no access token: {error}", Result.DENIED if denied else Result.OUT, code=error.code
            ) from None
        token = member(answer, "access_token")
        if not token:
            raise ChannelError("Google's answer holds no access token.", Result.OUT, code="no_token")
        _tokens[self._key] = time.time() + LIFETIME.total_seconds(), token
        return token
