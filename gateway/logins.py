"""Who guesses passwords must wait: failed logins are counted by account and address, by account, and by address.

Counted in Django's cache, so processes that share it (Redis) share the count; a cache that is out stops nobody. An
account that does not exist is counted like one that does, and what is said is the same, so nothing tells them apart.
Beyond its number even the right password is not tried, until the quarter of an hour is over.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from gateway import windows
from gateway.throttles import count

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
OF_BOTH, OF_ACCOUNT, OF_ADDRESS = 5, 30, 50
"""So many failures within the window: of one account from one address, of one account from all, from one address."""
TOO_MANY = "Too many attempts have failed. Wait {minutes} minutes, then try again; until then nothing is tried."


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Somebody says who they are, from somewhere."""

    account: str
    address: str

    @property
    def limits(self) -> dict[str, int]:
        """What is counted, and how often it may fail."""
        account = self.account.strip().casefold()
        both = f"both {account} {self.address}"
        return {both: OF_BOTH, f"account {account}": OF_ACCOUNT, f"address {self.address}": OF_ADDRESS}

    def wait(self) -> timedelta | None:
        """How long nothing is tried; None when it may be."""
        try:
            counted = cache.get_many([_key(what) for what in self.limits])
        except Exception as error:  # a limit must not become an outage
            logger.warning("The cache does not answer (%s); logins are not counted.", type(error).__name__)
            return None
        if all(counted.get(_key(what), 0) < most for what, most in self.limits.items()):
            return None
        return windows.rest(WINDOW)

    def failed(self) -> None:
        """Count it."""
        for what in self.limits:
            count(_key(what), 2 * WINDOW)

    def check(self) -> None:
        """Raises `ValidationError` for one that must wait."""
        wait = self.wait()
        if wait is not None:
            raise ValidationError(TOO_MANY.format(minutes=int(wait.total_seconds() // 60) + 1), code="too_many")


class LoginForm(AdminAuthenticationForm):
    """The console's login."""

    def clean(self) -> dict[str, Any]:
        """Whether that is their password; not asked while they must wait."""
        attempt = attempt_of(self.request, self.cleaned_data.get("username") or "")
        attempt.check()
        try:
            return super().clean() or self.cleaned_data
        except forms.ValidationError:
            attempt.failed()
            raise


def attempt_of(request: HttpRequest | None, account: str) -> Attempt:
    """An attempt in a request."""
    return Attempt(account=account, address=request.META.get("REMOTE_ADDR", "") if request else "")


def _key(what: str) -> str:
    return windows.key("login", what, WINDOW)
