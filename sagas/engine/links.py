"""Signed one-time addresses: for a participant to call back, and for a person to decide.

A token names what it is for and is signed with the project's key; it holds no secret and cannot be altered. It carries
no time, so that it is the same on every attempt of a step: a repeated request is the same request. Used a second time
it is answered as before, or by who or what came first.
"""

from dataclasses import dataclass
from uuid import UUID

from django.core.signing import BadSignature, Signer

from sagas.conf import conf
from sagas.errors import NotFound

CALLBACKS = "/api/v1/callbacks/"
APPROVALS = "/approvals/"
CALLBACK, APPROVAL = "sagas.callback", "sagas.approval"
"""The salts: a token for one purpose is none for the other."""


@dataclass(frozen=True, kw_only=True)
class Callback:
    """One signal to one saga; `nonce` is the signal's id."""

    saga: UUID
    name: str
    nonce: str


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """One person is asked to decide one approval."""

    saga: UUID
    step: str
    person: str


def signal_url(saga_id: UUID, name: str, nonce: str) -> str:
    """The address that takes one signal of that name for that saga."""
    return _address(CALLBACKS, CALLBACK, [str(saga_id), name, nonce])


def approval_url(saga_id: UUID, step: str, person: str) -> str:
    """The address of the page on which that person decides."""
    return _address(APPROVALS, APPROVAL, [str(saga_id), step, person])


def read_callback(token: str) -> Callback:
    """What a callback's token is for. Raises `NotFound` for one that is not ours."""
    saga, name, nonce = _read(CALLBACK, token)
    return Callback(saga=UUID(saga), name=name, nonce=nonce)


def read_approval(token: str) -> Invitation:
    """What an approval's token is for. Raises `NotFound` for one that is not ours."""
    saga, step, person = _read(APPROVAL, token)
    return Invitation(saga=UUID(saga), step=step, person=person)


def _address(path: str, salt: str, meant: list[str]) -> str:
    return f"{conf().public_url.rstrip('/')}{path}{Signer(salt=salt).sign_object(meant)}/"


def _read(salt: str, token: str) -> list[str]:
    try:
        found: list[str] = Signer(salt=salt).unsign_object(token)
    except (BadSignature, ValueError):
        raise NotFound("This address is not one of ours, or it was changed on its way.") from None
    return found
