"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """What the doors of the other apps share."""

    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let this process keep what it counts."""
        from gateway import conf, counters

        if conf.current().KEEP_COUNTS:
            counters.begin()
