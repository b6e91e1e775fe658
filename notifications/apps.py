"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The notification service."""

    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Register the checks. Raises `ImproperlyConfigured` where nothing could be sealed."""
        from gateway import vault

        vault.required("What is said, and to which addresses,")
        from notifications import checks  # noqa: F401
