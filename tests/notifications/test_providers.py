"""SMS, push and chat, against providers that follow a script, and the inbox."""

import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.test import Client

from gateway import calls
from gateway.signatures import made_secret, signed
from notifications import delivery
from notifications.channels import fcm
from notifications.checks import check_settings
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.peer import HANG_UP, SILENCE
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

PHONE = {"phone": "+4917012345678"}
TOKEN = "a-secret-token"
SECRET = made_secret(b"g" * 32)


@pytest.fixture
def provider():
    with peers.listening() as provider:
        yield provider


def install(settings, channel, path, **options):
    """That provider alone."""
    entry = {"channel": channel, "path": f"notifications.channels.{path}", "options": options}
    settings.NOTIFICATIONS = {"PROVIDERS": {"it": entry}, "ALLOWED_NETWORKS": ("127.0.0.0/8",)}
    assert check_settings() == []


@pytest.fixture
def gateway(settings, provider):
    install(settings, "sms", "sms.Gateway", url=f"{provider.url}/v1/sms", token=TOKEN, events_secrets=[SECRET])
    provider.body = b'{"id": "sms-1"}'
    return provider


@pytest.fixture
def twilio(settings, provider):
    install(settings, "sms", "sms.Twilio", account="AC1", token=TOKEN, sender="+1500", provider="it", url=provider.url)
    provider.body = b'{"sid": "SM1"}'
    return provider


def test_a_gateway_gets_it_with_a_key_that_is_the_same_in_every_attempt(gateway):
    gateway.answers.append(500)
    pk = a_notification(receiver=PHONE, content={"text": "Grüße"}).pk
    delivery.deliver(pk)
    later(timedelta(days=1))
    assert delivery.deliver(pk) == "sent"
    first, second = gateway.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == str(pk)
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(first.body) == {"id": str(pk), "to": "+4917012345678", "from": "", "text": "Grüße"}
    assert now(pk).deliveries.get().provider_id == "sms-1"


@pytest.mark.parametrize(
    ("answer", "result", "status"),
    [
        (400, "refused", "failed"),
        (401, "denied", "queued"),
        ((429, {"Retry-After": "60"}), "out", "queued"),
        (500, "unknown", "queued"),
        (HANG_UP, "unknown", "queued"),
        (SILENCE, "unknown", "queued"),
        ((200, {}, b"nonsense"), "sent", "sent"),
        ((200, {}, b'{"id": {}}'), "sent", "sent"),
        ((200, {}, b"[" * 5000), "sent", "sent"),
    ],
)
def test_what_a_gateway_answers_decides_what_is_known(gateway, monkeypatch, answer, result, status):
    if answer == SILENCE:
        brief = {**calls.post.__kwdefaults__, "patience": timedelta(seconds=2)}
        monkeypatch.setattr(calls.post, "__kwdefaults__", brief)
    gateway.answers.append(answer)
    pk = a_notification(receiver=PHONE).pk
    assert (delivery.deliver(pk), results(pk)) == (status, [result])


def test_one_that_takes_the_connection_and_never_greets_was_sent_nothing(settings, monkeypatch):
    """The time is over before anything was said: over TLS the other side speaks first."""
    monkeypatch.setattr(calls.post, "__kwdefaults__", {**calls.post.__kwdefaults__, "patience": timedelta(seconds=1)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        install(settings, "sms", "sms.Gateway", url=f"https://127.0.0.1:{server.getsockname()[1]}/", token=TOKEN)
        pk = a_notification(receiver=PHONE, category="code").pk
        assert delivery.deliver(pk) == "queued"
    assert (results(pk), now(pk).attempts.get().code) == (["out"], "not_reached")


def test_a_code_of_which_nobody_knows_is_not_sent_twice(gateway):
    gateway.answers.append(HANG_UP)
    pk = a_notification(receiver=PHONE, category="code").pk
    assert delivery.deliver(pk) == "unknown"
    later(timedelta(days=1))
    assert delivery.deliver(pk) is None
    assert len(gateway.requests) == 1


def test_a_gateway_tells_what_became_of_it(gateway):
    pk = a_notification(receiver=PHONE).pk
    delivery.deliver(pk)
    body = json.dumps({"events": [{"id": "e1", "provider_id": "sms-1", "event": "delivered"}]}).encode()
    headers = signed([SECRET], "m1", body, datetime.now(UTC))
    answer = Client().post(f"{PATH}providers/it/events/", body, content_type="application/json", headers=headers)
    assert (answer.status_code, now(pk).status) == (202, "delivered")


@pytest.mark.parametrize("number", ["017012345678", "+49 170", "+", "+0123456789", "jane", "+4917012345678; rm"])
def test_what_is_no_number_is_refused_at_the_door(gateway, service, number):
    answer = service.ask({"receiver": {"phone": number}, "content": "hi"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/receiver/phone")


def test_twilio_gets_a_form(twilio):
    pk = a_notification(receiver=PHONE, content={"text": "Hi & bye"}).pk
    assert delivery.deliver(pk) == "sent"
    (request,) = twilio.requests
    assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"AC1:{TOKEN}".encode()).decode()
    assert {name: value for name, (value,) in parse_qs(request.body.decode()).items()} == {
        "To": "+4917012345678",
        "From": "+1500",
        "Body": "Hi & bye",
        "StatusCallback": f"http://127.0.0.1:8000{PATH}providers/it/events/",
    }
    assert now(pk).deliveries.get().provider_id == "SM1"


@pytest.mark.parametrize(("code", "status"), [(21211, "bounced"), (21610, "bounced"), (21602, "failed")])
def test_twilio_says_which_numbers_are_dead(twilio, code, status):
    """Not any number that stands in its words says so."""
    twilio.answers.append((400, {}, json.dumps({"message": "Not to +4921610, please.", "code": code}).encode()))
    assert delivery.deliver(a_notification(receiver=PHONE).pk) == status


def twilio_tells(status, token=TOKEN):
    fields = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": "30003"}
    signed = f"http://127.0.0.1:8000{PATH}providers/it/events/" + "".join(f"{n}{fields[n]}" for n in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()
    return Client().post(
        f"{PATH}providers/it/events/",
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )


def test_twilio_tells_what_became_of_it(twilio):
    pk = a_notification(receiver=PHONE).pk
    delivery.deliver(pk)
    assert twilio_tells("delivered", "another token").status_code == 401
    assert (twilio_tells("sending").status_code, now(pk).status) == (202, "sent")
    assert (twilio_tells("undelivered").status_code, now(pk).status) == (202, "failed")
    assert (twilio_tells("delivered").status_code, now(pk).status) == (202, "delivered")


@pytest.fixture(scope="module")
def account():
    """A service account's key."""
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key, key.private_bytes(*form).decode()


@pytest.fixture
def google(settings, provider, account):
    fcm._tokens.clear()
    options = {
        "project_id": "shop",
        "client_email": "us@shop",
        "private_key": account[1],
        "token_uri": f"{provider.url}/token",
    }
    install(settings, "push", "fcm.Fcm", account=options, url=provider.url)
    provider.body = b'{"access_token": "ya29", "name": "projects/shop/messages/1"}'
    return provider


def test_fcm_gets_it_with_a_token_that_is_kept(google, account):
    for text in ("one", "two"):
        pk = a_notification(receiver={"push_token": "device"}, content={"subject": "Hi", "text": text}).pk
        assert delivery.deliver(pk) == "sent"
    token, first, second = google.requests
    assertion = parse_qs(token.body.decode())["assertion"][0]
    claims = jwt.decode(assertion, account[0].public_key(), ["RS256"], audience=f"{google.url}/token")
    assert (claims["iss"], claims["scope"]) == ("us@shop", fcm.SCOPE)
    assert first.path == second.path == "/v1/projects/shop/messages:send"
    assert first.headers["authorization"] == "Bearer ya29"
    message = json.loads(second.body)["message"]
    assert (message["token"], message["notification"]) == ("device", {"title": "Hi", "body": "two"})
    assert now(pk).deliveries.get().provider_id == "projects/shop/messages/1"


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([200, 404], "gone"),
        ([200, (400, {}, b'{"error": {"status": "UNREGISTERED"}}')], "gone"),
        ([200, 400], "refused"),
        ([200, 401], "denied"),
        ([200, 429], "out"),
        ([200, 503], "out"),
        ([200, 500], "unknown"),
        ([400], "denied"),
        ([500], "out"),
        ([HANG_UP], "out"),
        ([(200, {}, b"{}")], "out"),
    ],
)
def test_what_fcm_answers_decides_what_is_known(google, answers, result):
    google.answers.extend(answers)
    pk = a_notification(receiver={"push_token": "device"}).pk
    delivery.deliver(pk)
    assert results(pk) == [result]


def test_a_token_is_renewed_before_its_end(google):
    for _ in range(2):
        assert delivery.deliver(a_notification(receiver={"push_token": "device"}).pk) == "sent"
    (key,) = fcm._tokens
    ends, token = fcm._tokens[key]
    fcm._tokens[key] = ends - (fcm.LIFETIME - fcm.RENEWED_BEFORE).total_seconds(), token
    google.body = b'{"access_token": "ya30", "name": "projects/shop/messages/2"}'
    assert delivery.deliver(a_notification(receiver={"push_token": "device"}).pk) == "sent"
    assert [request.path == "/token" for request in google.requests] == [True, False, False, True, False]
    assert google.requests[-1].headers["authorization"] == "Bearer ya30"


def test_a_token_that_is_refused_is_asked_for_anew(google):
    google.answers.extend([200, 401])
    pk = a_notification(receiver={"push_token": "device"}).pk
    delivery.deliver(pk)
    later(timedelta(days=1))
    assert delivery.deliver(pk) == "sent"
    assert [request.path == "/token" for request in google.requests] == [True, False, True, False]


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Browser:
    """One that subscribed: it can read what was encrypted for it."""

    def __init__(self, endpoint):
        self.key, self.secret = ec.generate_private_key(ec.SECP256R1()), b"s" * 16
        keys = {"p256dh": b64(point(self.key)), "auth": b64(self.secret)}
        self.subscription = json.dumps({"endpoint": endpoint, "keys": keys})

    def read(self, body):
        """RFC 8291, from the browser's side."""
        salt, theirs, text = body[:16], body[21:86], body[86:]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        info = b"WebPush: info\x00" + point(self.key) + theirs
        shared = HKDF(hashes.SHA256(), 32, self.secret, info).derive(self.key.exchange(ec.ECDH(), public))
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(shared)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(shared)
        plain = AESGCM(key).decrypt(nonce, text, None)
        assert plain.endswith(b"\x02")
        return json.loads(plain[:-1])


@pytest.fixture
def browser(settings, provider):
    ours = ec.generate_private_key(ec.SECP256R1())
    private = b64(ours.private_numbers().private_value.to_bytes(32))
    install(settings, "push", "web_push.WebPush", private_key=private, subject="mailto:ops@example.org")
    browser = Browser(f"{provider.url}/push/17")
    browser.ours, browser.service = ours, provider
    return browser


def test_a_browser_alone_can_read_it_and_knows_who_sent_it(browser):
    browser.service.answers.append((201, {"Location": "https://push.example.org/m/1"}))
    content = {"subject": "Hi", "text": "Grüße"}
    pk = a_notification(receiver={"web_push": browser.subscription}, content=content, metadata={"order": "17"}).pk
    assert delivery.deliver(pk) == "sent"
    (request,) = browser.service.requests
    shown = {"id": str(pk), "title": "Hi", "body": "Grüße", "data": {"order": "17"}}
    assert browser.read(request.body) == shown
    assert (request.headers["content-encoding"], request.headers["ttl"]) == ("aes128gcm", "86400")
    kind, token, key = request.headers["authorization"].replace("t=", "").replace("k=", "").split()
    claims = jwt.decode(token.rstrip(","), browser.ours.public_key(), ["ES256"], audience=browser.service.url)
    assert (kind, claims["sub"], key) == ("vapid", "mailto:ops@example.org", b64(point(browser.ours)))
    assert now(pk).deliveries.get().provider_id == "https://push.example.org/m/1"


@pytest.mark.parametrize(
    ("answer", "result"),
    [(201, "sent"), (404, "gone"), (410, "gone"), (413, "refused"), (429, "out"), (500, "unknown")],
)
def test_what_the_push_service_answers_decides_what_is_known(browser, answer, result):
    browser.service.answers.append(answer)
    pk = a_notification(receiver={"web_push": browser.subscription}).pk
    delivery.deliver(pk)
    assert results(pk) == [result]


def test_a_text_that_is_too_long_for_a_push_is_left_out(browser):
    delivery.deliver(a_notification(receiver={"web_push": browser.subscription}, content={"text": "ü" * 5000}).pk)
    (request,) = browser.service.requests
    assert len(request.body) < 4096 and browser.read(request.body)["body"] == ""


@pytest.mark.parametrize(
    "subscription",
    ["x", "{}", "[]", '{"endpoint": "https://example.org", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}', "[" * 1900],
)
def test_what_is_no_subscription_is_refused_at_the_door(browser, service, subscription):
    answer = service.ask({"receiver": {"web_push": subscription}, "content": "hi"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/receiver/web_push")


def test_a_subscription_that_leads_inside_is_refused_at_the_door(browser, service):
    answer = service.ask({"receiver": {"web_push": Browser("https://10.0.0.1/").subscription}, "content": "hi"})
    assert answer.status_code == 422 and "private" in answer.json()["detail"]


def test_an_inbox_holds_it_until_it_is_read(settings, service):
    settings.NOTIFICATIONS = {}
    for text in ("one", "two"):
        pk = service.ask({"receiver": {"id": "jane"}, "content": {"subject": "Hi", "text": text}}).json()["id"]
        assert delivery.deliver(now(pk).pk) == "sent"
    inbox = f"{PATH}receivers/jane/inbox/"
    assert [item["text"] for item in service.get(inbox).json()["results"]] == ["two", "one"]
    assert service.get(f"{PATH}receivers/jo/inbox/").json()["results"] == []
    first = service.post(f"{inbox}{pk}/read/").json()["read_at"]
    assert service.post(f"{inbox}{pk}/read/").json()["read_at"] == first
    assert [item["text"] for item in service.get(f"{inbox}?unread=true").json()["results"]] == ["one"]
    assert [event["kind"] for event in service.get(f"{PATH}{pk}/").json()["events"]] == ["sent", "read"]
    assert service.post(f"{PATH}receivers/jo/inbox/{pk}/read/").status_code == 404


def test_an_inbox_comes_in_pages(settings, service):
    settings.NOTIFICATIONS = {}
    for number in range(3):
        delivery.deliver(a_notification(receiver={"id": "jane"}, content={"text": str(number)}).pk)
    page = service.get(f"{PATH}receivers/jane/inbox/?limit=2").json()
    rest = service.get(page["next"]).json()
    assert [item["text"] for item in page["results"] + rest["results"]] == ["2", "1", "0"]
