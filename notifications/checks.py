"""What `manage.py check` says about the service's settings."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from notifications.channels.channel import provider
from notifications.conf import conf


@register
def check_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Find settings with wrong names, and providers that cannot be made, before a customer does."""
    try:
        for name in conf().providers:
            provider(name)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="notifications.E001")]
    return []
