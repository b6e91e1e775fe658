"""Tokens of an outside issuer: taken when its key signed them for us and they are young, and never otherwise."""

import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from gateway import tokens
from gateway.conf import Issuer
from gateway.problems import Problem
from tests.gateway.doors import VIEW

pytestmark = pytest.mark.django_db

OURS, THEIRS = (rsa.generate_private_key(65537, 2048) for _ in range(2))
KEYS = {"keys": [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key())), "kid": "k1", "use": "sig"}]}
ISSUER = Issuer(name="https://login.example.org", audience="orchestrator", keys=json.dumps(KEYS))


@pytest.fixture(autouse=True)
def issuer(settings) -> None:
    settings.GATEWAY = {"ISSUER": ISSUER, "SCOPES": {"read": (VIEW,)}}


def claims(**changed: Any) -> dict[str, Any]:
    usual = {"iss": ISSUER.name, "aud": "orchestrator", "sub": "shop", "tenant": "acme", "scope": "read openid"}
    given = {**usual, "exp": time.time() + 600, **changed}
    return {name: value for name, value in given.items() if value is not None}


def signed(key: Any = OURS, algorithm: str = "RS256", kid: str | None = "k1", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers={"kid": kid} if kid else {})


def part(of: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(of).encode()).decode().rstrip("=")


def asked(token: str) -> Any:
    return Client().get("/api/echo/", headers={"Authorization": f"Bearer {token}"})


def test_a_token_of_the_issuer_comes_in_as_its_subject():
    assert asked(signed()).json() == {"caller": "token:shop", "tenant": "acme"}


def test_a_token_may_do_what_its_scopes_say():
    assert asked(signed(scope="openid")).status_code == 403
    assert asked(signed(scope=None)).status_code == 403


def test_a_token_may_name_the_sagas_that_it_is_for():
    assert tokens.read(signed(definitions=["order"])).definitions == {"order"}
    assert tokens.read(signed()).definitions is None


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example.com"},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"nbf": 2**40},
        {"sub": None},
        {"sub": ""},
        {"sub": "s" * 101},
        {"sub": "anna\0"},
        {"sub": "\ud800"},
        {"tenant": "acme\0"},
        {"definitions": ["order\0"]},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": 7},
        {"scope": ["read"]},
        {"definitions": "order"},
        {"kid": "k2"},
        {"kid": None},
        {"algorithm": "RS512"},
    ],
    ids=str,
)
def test_a_token_that_is_not_quite_right_is_a_401(changed):
    answer = asked(signed(**changed))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_a_token_without_a_signature_is_not_taken():
    assert asked(f"{part({'alg': 'none', 'kid': 'k1'})}.{part(claims())}.").status_code == 401


def test_a_token_signed_with_the_public_key_as_a_secret_is_not_taken():
    public = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body = part({"alg": "HS256", "kid": "k1"}), part(claims())
    signature = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    assert asked(f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}").status_code == 401


def test_a_token_signed_with_another_key_is_not_taken():
    assert asked(signed(THEIRS)).status_code == 401


def test_a_key_for_another_algorithm_is_not_taken():
    assert asked(signed(ec.generate_private_key(ec.SECP256R1()), "ES256")).status_code == 401


@pytest.mark.parametrize("text", ["a.b.c", "..", "é.b.c", "e30.e30.e30", f"{'A' * 5000}.b.c"])
def test_what_only_looks_like_a_token_is_a_401(text):
    assert asked(text).status_code == 401


def test_without_an_issuer_no_token_is_taken(settings):
    settings.GATEWAY = {"API_KEY": "key"}
    answer = asked(signed())
    assert (answer.status_code, answer.json()["detail"]) == (401, "Tokens are not taken here; send an API key.")


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS1"])
def test_only_asymmetric_algorithms_can_be_set(algorithm):
    with pytest.raises(ImproperlyConfigured, match="cannot be signed with"):
        Issuer(name="i", audience="a", keys="{}", algorithms=("RS256", algorithm))


def test_keys_that_cannot_be_had_are_a_503_that_says_when_to_try_again(settings):
    settings.GATEWAY = {"ISSUER": Issuer(name="i", audience="a", keys="http://127.0.0.1:1/jwks")}
    answer = asked(signed())
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_new_keys_of_the_issuer_are_asked_for_but_not_for_every_token(settings, monkeypatch):
    asked_for: list[str] = []
    monkeypatch.setattr(tokens, "_fetched", lambda address: asked_for.append(address) or KEYS)
    settings.GATEWAY = {"ISSUER": Issuer(name=ISSUER.name, audience=ISSUER.audience, keys="https://login/jwks")}
    for _ in range(3):
        tokens.read(signed())
        with pytest.raises(tokens.Refused):
            tokens.read(signed(kid="unknown"))
    assert asked_for == ["https://login/jwks"]


def test_an_issuer_that_is_away_is_not_asked_by_every_request_one_after_the_other(settings, monkeypatch):
    asked_for: list[str] = []

    def away(address: str) -> Any:
        asked_for.append(address)
        if len(asked_for) == 1:
            raise httpx.ConnectTimeout("it is away")
        return KEYS

    monkeypatch.setattr(tokens, "_fetched", away)
    settings.GATEWAY = {"ISSUER": Issuer(name=ISSUER.name, audience=ISSUER.audience, keys="https://away/jwks")}
    for _ in range(3):
        with pytest.raises(Problem, match="cannot be had right now"):
            tokens.read(signed())
    assert len(asked_for) == 1
    monkeypatch.setattr(tokens, "ALONE", timedelta(0))
    assert tokens.read(signed()).subject == "shop"


@pytest.mark.parametrize("document", [[], {"keys": 7}, {"keys": ["k1"]}, "keys"], ids=str)
def test_keys_in_another_form_are_a_503_too(settings, monkeypatch, document):
    monkeypatch.setattr(tokens, "_fetched", lambda address: document)
    settings.GATEWAY = {"ISSUER": Issuer(name="i", audience="a", keys=f"https://odd/{document}")}
    assert asked(signed()).json()["code"] == "issuer_unavailable"
