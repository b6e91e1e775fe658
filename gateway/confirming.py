"""Before a grave decision people say once more who they are: with their password, unless they did so lately.

A session remembers when that was (`confirmed_at`): at the login, and whenever it was asked for again. People whose
password an identity provider keeps are sent there (`GATEWAY["CONFIRM_AT"]`), and a fresh login comes back; where
no such address is set, they write out their own user name, which is at least no slip of the hand.
"""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from gateway import conf
from gateway.logins import attempt_of

KEY = "confirmed_at"


def is_fresh(request: HttpRequest) -> bool:
    """Has that person said lately who they are? Always, where the setting asks nobody."""
    within = conf.current().CONFIRM_WITHIN
    if within is None:
        return True
    try:
        at = datetime.fromisoformat(request.session.get(KEY, ""))
        return timedelta(0) <= timezone.now() - at < within
    except (ValueError, TypeError):
        return False


def remember(request: HttpRequest) -> None:
    """They have just said it."""
    request.session[KEY] = timezone.now().isoformat()


class Confirmation(forms.Form):
    """The password again, or, of people who have none here, their user name."""

    confirmation = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        user: Any = request.user
        self._request = request
        self.has_password: bool = user.has_usable_password()
        if not self.has_password:
            self.fields["confirmation"].label = "Your user name, written out"
            self.fields["confirmation"].widget = forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})

    @property
    def address(self) -> str:
        """Where people without a password here can log in anew; empty if nowhere."""
        return "" if self.has_password else conf.current().CONFIRM_AT

    def clean_confirmation(self) -> str:
        """Whether it is right; guesses are counted as at the login."""
        given: str = self.cleaned_data["confirmation"]
        user: Any = self._request.user
        attempt = attempt_of(self._request, user.get_username())
        attempt.check()
        right = user.check_password(given) if self.has_password else given.strip() == user.get_username()
        if not right or self.address:
            attempt.failed()
            raise ValidationError("That is not right." if not self.address else "Log in anew at the address above.")
        return given


def _logged_in(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    if hasattr(request, "session"):
        remember(request)


user_logged_in.connect(_logged_in, dispatch_uid="gateway.confirming")
