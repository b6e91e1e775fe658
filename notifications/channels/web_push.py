"""Web Push: to browsers, encrypted for each (RFC 8291, aes128gcm) and signed by us (VAPID, RFC 8292)."""

import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.base64url import decoded, encoded
from gateway.guard import Forbidden, Guard
from notifications.channels.channel import Channel, ChannelError, Letter
from notifications.channels.http import post_bytes
from notifications.conf import conf
from notifications.verdict import Result

RECORD = 4096
LARGEST = 3000
LIFETIME = timedelta(hours=12)
KEPT = timedelta(days=1)
"""So long the push service keeps it for a browser that is not running."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What the browser gave: where to send, its public key and its secret."""

    endpoint: str
    key: bytes
    secret: bytes


class WebPush(Channel):
    """`private_key` is the VAPID key (P-256, 32 bytes in URL-safe Base64), `subject` our mailto: or https: address.

    The receiver's `web_push` is the browser's subscription as JSON: `{"endpoint", "keys": {"p256dh", "auth"}}`.
    """

    address: ClassVar[str] = "web_push"

    def __init__(self, private_key: str, subject: str) -> None:
        self._private = ec.derive_private_key(int.from_bytes(decoded(private_key)), ec.SECP256R1())
        self._subject = subject
        self._guard = Guard(allowed=conf().allowed_networks)

    def check(self, address: str) -> None:
        """Refuse what is no subscription, or leads inside."""
        try:
            self._guard.check(read_subscription(address).endpoint)
        except Forbidden as error:
            raise ValueError(str(error)) from None

    def send(self, letter: Letter) -> str:
        """Encrypt it and hand it to the browser's push service. A second one with the same topic replaces the first."""
        try:
            subscription = read_subscription(letter.address)
        except ValueError as error:
            raise ChannelError(str(error), Result.REFUSED, code="subscription") from None
        shown = {
            "id": str(letter.id),
            "title": letter.subject,
            "body": letter.text[:LARGEST],
            "data": {**letter.metadata},
        }
        plain = json.dumps(shown, ensure_ascii=False).encode()
        if len(plain) > LARGEST:
            plain = json.dumps({**shown, "body": "", "data": {}}).encode()
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(KEPT.total_seconds())),
            "Topic": letter.id.hex,
            "Authorization": self._vapid(subscription.endpoint),
        }
        try:
            answer = post_bytes(subscription.endpoint, encrypted(plain, subscription), headers, guard=self._guard)
        except ChannelError as error:
            if error.code == "404":
                raise ChannelError(str(error), Result.GONE, code=error.code) from None
            raise
        return answer.headers.get("location", "")

    def _vapid(self, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        ends = int(time.time() + LIFETIME.total_seconds())
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": ends, "sub": self._subject}
        return f"vapid t={jwt.encode(claims, self._private, algorithm='ES256')}, k={encoded(_point(self._private))}"


def read_subscription(text: str) -> Subscription:
    """Raises ValueError with a sentence."""
    try:
        given = json.loads(text)
        found = Subscription(
            endpoint=str(given["endpoint"]),
            key=decoded(given["keys"]["p256dh"]),
            secret=decoded(given["keys"]["auth"]),
        )
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found.key)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            "This is no browser's subscription; send what `subscribe()` gave, as a text of JSON."
        ) from None
    return found


def encrypted(plain: bytes, subscription: Subscription) -> bytes:
    """A body that this browser alone can read: one record, under a key made for it."""
    ours, salt = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.key)
    info = b"WebPush: info\x00" + subscription.key + _point(ours)
    shared = _derived(ours.exchange(ec.ECDH(), theirs), subscription.secret, info, 32)
    key = _derived(shared, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + RECORD.to_bytes(4) + bytes([65]) + _point(ours)
    return head + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def _point(private: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.UncompressedPoint
    return private.public_key().public_bytes(serialization.Encoding.X962, form)
