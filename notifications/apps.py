"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The notification service."""

    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Register the checks."""
        from notifications import checks  # noqa: F401
