"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class GatewayConfig(AppConfig):
    """What the doors of the other apps share."""

    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let migrations take their time, lost transactions be known, and this process keep what it counts."""
        from gateway import conf, counters
        from gateway.migrating import take_time
        from gateway.pooling import know_what_is_lost

        know_what_is_lost()
        pre_migrate.connect(take_time)
        if conf.current().KEEP_COUNTS:
            counters.begin()
