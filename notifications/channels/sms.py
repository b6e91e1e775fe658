"""Text messages: Twilio's REST API, and any gateway that takes JSON."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import parse_qsl

from django.urls import reverse

from gateway.signatures import Unverified
from notifications.channels.channel import Channel, ChannelError, Letter, News
from notifications.channels.http import member, post_form, post_json
from notifications.channels.tracking import read_events
from notifications.conf import conf
from notifications.verdict import Result

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
LONGEST_TEXT = 1600

# Codes for numbers that nothing will ever reach: 21211 malformed, 21610 its owner said STOP, 21614 a landline.
_GONE = {"21211", "21610", "21614"}
_CODE = re.compile(r'"code":\s*(\d+)')
_SAID = {"delivered": "delivered", "undelivered": "failed", "failed": "failed", "read": "read"}


class _Sms(Channel):
    address: ClassVar[str] = "phone"

    def check(self, address: str) -> None:
        """Refuse what is no number as E.164 writes them."""
        if not _E164.fullmatch(address):
            raise ValueError("This is no telephone number; write it like +4917012345678.")


class Twilio(_Sms):
    """`account`, `token` and `sender`, a number or a service. Twilio knows no idempotency keys: in doubt it is twice.

    `provider` is this entry's own name, for the address that Twilio tells its news to; without it, there are none.
    """

    def __init__(
        self, account: str, token: str, sender: str, provider: str = "", url: str = "https://api.twilio.com"
    ) -> None:
        self._account, self._token, self._sender, self._provider = account, token, sender, provider
        self._url = f"{url.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"

    def send(self, letter: Letter) -> str:
        """Hand it over and return Twilio's SID."""
        fields = {"To": letter.address, "From": self._sender, "Body": letter.text[:LONGEST_TEXT]}
        if self._provider:
            fields["StatusCallback"] = self._told_at()
        credentials = base64.b64encode(f"{self._account}:{self._token}".encode()).decode()
        try:
            answer = post_form(self._url, fields, {"Authorization": f"Basic {credentials}"})
        except ChannelError as error:
            code = _CODE.search(str(error))
            if error.code == "400" and code is not None and code[1] in _GONE:
                raise ChannelError(str(error), Result.GONE, code=error.code) from None
            raise
        return member(answer, "sid")

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        """Twilio's status callback: a form, signed with the token over the address and the sorted fields."""
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        signed = self._told_at() + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        wanted = base64.b64encode(hmac.digest(self._token.encode(), signed.encode(), hashlib.sha1))
        if not hmac.compare_digest(wanted, headers.get("x-twilio-signature", "").encode()):
            raise Unverified("The signature does not fit the message.")
        status, sid = fields.get("MessageStatus", ""), fields.get("MessageSid", "")
        if status not in _SAID:
            return []
        return [News(key=f"{sid}:{status}", provider_id=sid, kind=_SAID[status], detail=fields.get("ErrorCode", ""))]

    def _told_at(self) -> str:
        return conf().public_url.rstrip("/") + reverse("notifications:events", args=[self._provider])


class Gateway(_Sms):
    """Any gateway that takes `{"id", "to", "from", "text"}` at `url` with a bearer `token`, and answers an `id`.

    The header Idempotency-Key is the same in every attempt. `events_secrets` are what its webhook is signed with.
    """

    def __init__(self, url: str, token: str, sender: str = "", events_secrets: Sequence[str] = ()) -> None:
        self._url, self._token, self._sender, self._secrets = url, token, sender, events_secrets

    def send(self, letter: Letter) -> str:
        """Hand it over and return the gateway's id."""
        text = letter.text[:LONGEST_TEXT]
        value = {"id": str(letter.id), "to": letter.address, "from": self._sender, "text": text}
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": str(letter.id)}
        return member(post_json(self._url, value, headers), "id")

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        """What it says of what it took."""
        return read_events(self._secrets, headers, body)
