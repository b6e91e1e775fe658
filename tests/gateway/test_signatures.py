"""Signatures: who holds the secret can tell; nobody else can make one."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.signatures import SIGNATURE, TIMESTAMP, Unverified, made_secret, signed, verify

OLD, NEW, WRONG = (made_secret(letter * 32) for letter in (b"a", b"b", b"c"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, at)
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verify([secret], headers, BODY, at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("held", [[OLD], [NEW], [WRONG, NEW]])
def test_while_a_secret_is_rotated_both_hold(held):
    assert verify(held, signed([OLD, NEW], "m", BODY, NOW), BODY, NOW) == "m"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "other"},
        {TIMESTAMP: "1772323201"},
        {SIGNATURE: ""},
        {SIGNATURE: "v1,"},
        {SIGNATURE: "v1,ü"},
        {SIGNATURE: "v1a,abc"},
        {TIMESTAMP: "now"},
        {TIMESTAMP: ""},
        {TIMESTAMP: "9" * 400},
        {"webhook-id": ""},
    ],
)
def test_what_was_changed_is_refused(change):
    with pytest.raises(Unverified):
        verify([OLD], signed([OLD], "m", BODY, NOW) | change, BODY, NOW)


def test_another_body_or_secret_is_refused():
    headers = signed([OLD], "m", BODY, NOW)
    for secrets, body in (([OLD], BODY + b" "), ([WRONG], BODY), ([], BODY)):
        with pytest.raises(Unverified):
            verify(secrets, headers, body, NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_what_is_old_or_of_the_future_is_refused(away):
    with pytest.raises(Unverified):
        verify([OLD], signed([OLD], "m", BODY, NOW), BODY, NOW + away)
