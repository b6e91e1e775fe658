"""Signatures of webhooks as Standard Webhooks has them: who gets one can tell who sent it, when, and that it is whole.

Three headers: `webhook-id` (the same in every delivery of one message), `webhook-timestamp` (seconds), and
`webhook-signature` (`v1,` and the HMAC-SHA256 of "id.timestamp.body" in Base64; several are separated by spaces).
A secret is `whsec_` and its bytes in Base64. Two secrets at once are how one is rotated: both sign, either is taken.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings

BEGINNING = "whsec_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
WINDOW = timedelta(minutes=5)
"""How far the sender's clock may be from ours; what is older may be a repetition by somebody who listened in."""


class Unverified(ValueError):
    """A message is not from whom it says, too old, or was changed; the message is a sentence for its sender."""


def made_secret(key: bytes) -> str:
    """A secret of 32 bytes in its written form."""
    return BEGINNING + base64.b64encode(key[:32]).decode()


def own_secret(purpose: str) -> str:
    """A secret made of the project's SECRET_KEY, for where the settings name none."""
    return made_secret(hmac.digest(settings.SECRET_KEY.encode(), purpose.encode(), hashlib.sha256))


def signed(secrets: Sequence[str], message_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The three headers for a body, one signature for each secret. Raises ValueError for what is no secret."""
    seconds = str(int(at.timestamp()))
    signatures = " ".join(f"v1,{_signature(secret, message_id, seconds, body)}" for secret in secrets)
    return {ID: message_id, TIMESTAMP: seconds, SIGNATURE: signatures}


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> str:
    """The id of a message that is signed with one of the secrets, within five minutes. Raises `Unverified`."""
    message_id, seconds = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = [one.removeprefix("v1,") for one in headers.get(SIGNATURE, "").split() if one.startswith("v1,")]
    if not (message_id and given and seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        raise Unverified(f"The headers {ID}, {TIMESTAMP} and {SIGNATURE} are needed, with a v1 signature.")
    if abs((now or datetime.now(UTC)).timestamp() - int(seconds)) > WINDOW.total_seconds():
        raise Unverified("The message is too old, or its sender's clock is wrong.")
    wanted = [_signature(secret, message_id, seconds, body).encode() for secret in secrets]
    if not any(hmac.compare_digest(one.encode(), each) for one in given for each in wanted):
        raise Unverified("The signature does not fit the message.")
    return message_id


def _signature(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(BEGINNING), validate=True)
    except binascii.Error as error:
        raise ValueError(f"A secret is {BEGINNING} and Base64.") from error
    content = f"{message_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
