"""Who calls: a service with an API key or a token, or a person with a session; nobody else.

`request.user` is a `Caller` for all of them, so that everything behind the door knows a single kind.
"""

import hmac
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gateway import conf, keys, tokens
from gateway.models import Membership

DEFAULT_TENANT = "default"
NOT_KNOWN = "The API key is not known, or no longer. Send it as Authorization: Bearer <key>."


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who a request speaks for."""

    name: str
    """What the audit calls it, such as `service:shop` or `person:anna`."""
    tenant: str = DEFAULT_TENANT
    """Whose rows it sees and makes."""
    scopes: frozenset[str] = frozenset()
    """What a service may do; a person has permissions instead."""
    definitions: frozenset[str] | None = None
    """The sagas it may know of, None for all of its tenant."""
    rate: int | None = None
    """How many requests it may send in a minute, None for as many as the setting says."""
    person: Any = field(default=None, repr=False)
    """The Django user, None for a service."""

    is_authenticated = True
    is_anonymous = False

    def may(self, permission: str) -> bool:
        """Whether the caller holds a Django permission such as `sagas.view_saga`."""
        if self.person is not None:
            return bool(self.person.has_perm(permission))
        return conf.ADMIN in self.scopes or any(permission in conf.current().SCOPES.get(s, ()) for s in self.scopes)

    def knows(self, definition: str) -> bool:
        """Whether sagas of that definition are any of the caller's business."""
        return self.definitions is None or definition in self.definitions

    def __str__(self) -> str:
        return self.name


class ServiceAuthentication(BaseAuthentication):
    """Knows a service by `Authorization: Bearer <key or token>`, or `X-API-Key: <key>`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return the caller, None when nothing was given; raise 401 when it is not right."""
        given = _given_key(request)
        if given is None:
            return None
        return (_by_token(given) if tokens.looks_like_one(given) else _by_key(given)), None

    def authenticate_header(self, request: Request) -> str:
        """Make a request without a key a 401 that says how to give one."""
        return 'Bearer realm="api"'


class PersonAuthentication(SessionAuthentication):
    """Knows a person by the console's session; what changes something needs the CSRF token, too."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return the caller, None when nobody is logged in; raise 403 when the CSRF token is missing."""
        found = super().authenticate(request)
        return (_caller(found[0]), None) if found else None


class MayCall(BasePermission):
    """Lets in who holds the permission that the view `needs` for the method; what is not named there is for nobody."""

    message = "You are known, but not permitted to do this; ask for the permission."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may; a method that the view does not have is let through to its 405."""
        method = "GET" if request.method == "HEAD" else request.method or ""
        if not isinstance(request.user, Caller):
            return False
        if method not in view.allowed_methods:
            return True
        needed = view.needs.get(method)
        return needed is not None and request.user.may(needed)


def tenant_of(user: AbstractBaseUser) -> str:
    """Whose rows a person sees."""
    found = _membership_of(user)
    return found.tenant if found is not None else DEFAULT_TENANT


def definitions_of(user: AbstractBaseUser) -> frozenset[str] | None:
    """The sagas that a person may know of; None is all of their tenant."""
    found = _membership_of(user)
    return None if found is None or found.definitions is None else frozenset(found.definitions)


def _membership_of(user: AbstractBaseUser) -> Membership | None:
    """Asked once a request, however often it is needed: the user is the request's own."""
    known = user.__dict__
    if "_membership" not in known:
        known["_membership"] = Membership.objects.filter(user_id=user.pk).first()
    found: Membership | None = known["_membership"]
    return found


def _caller(user: AbstractBaseUser) -> Caller:
    name, definitions = f"person:{user.get_username()}", definitions_of(user)
    return Caller(name=name, tenant=tenant_of(user), definitions=definitions, person=user)


def _by_key(given: str) -> Caller:
    of_settings = conf.current().API_KEY
    if of_settings and hmac.compare_digest(given.encode(), of_settings.encode()):
        return Caller(name="service", scopes=frozenset({conf.ADMIN}))
    row = keys.known(given)
    if row is None:
        raise AuthenticationFailed(NOT_KNOWN)
    return Caller(
        name=f"service:{row.name}",
        tenant=row.tenant,
        scopes=frozenset(row.scopes),
        definitions=None if row.definitions is None else frozenset(row.definitions),
        rate=row.rate,
    )


def _by_token(given: str) -> Caller:
    try:
        token = tokens.read(given)
    except tokens.Refused as refused:
        raise AuthenticationFailed(str(refused)) from None
    return Caller(
        name=f"token:{token.subject}", tenant=token.tenant, scopes=token.scopes, definitions=token.definitions
    )


def _given_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    given: str | None = request.headers.get("X-API-Key")
    return given
