"""Who calls: a service with an API key, or a person with a session; nobody else.

`request.user` is a `Caller` for both, so that everything behind the door knows a single kind. Tenants and scopes have
their place here: today there is one tenant, and a key holds every permission.
"""

import hmac
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gateway import conf

DEFAULT_TENANT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who a request speaks for."""

    name: str
    """What the audit calls it, such as `service` or `person:anna`."""
    tenant: str = DEFAULT_TENANT
    """Whose rows it sees and makes."""
    person: Any = field(default=None, repr=False)
    """The Django user, None for a service."""

    is_authenticated = True
    is_anonymous = False

    def may(self, permission: str) -> bool:
        """Whether the caller holds a Django permission such as `sagas.view_saga`."""
        return self.person is None or bool(self.person.has_perm(permission))

    def __str__(self) -> str:
        return self.name


class KeyAuthentication(BaseAuthentication):
    """Knows a service by `Authorization: Bearer <key>` or `X-API-Key: <key>`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return the caller, None when no key was given; raise 401 when it is not the right one."""
        given = _given_key(request)
        if given is None:
            return None
        key = conf.current().API_KEY
        if not key or not hmac.compare_digest(given.encode(), key.encode()):
            raise AuthenticationFailed("The API key is not known. Send it as Authorization: Bearer <key>.")
        return Caller(name="service"), None

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


def _caller(user: AbstractBaseUser) -> Caller:
    return Caller(name=f"person:{user.get_username()}", person=user)


def _given_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    given: str | None = request.headers.get("X-API-Key")
    return given
