"""What the service keeps."""

from notifications.models.attempt import Attempt
from notifications.models.notification import Notification

__all__ = ["Attempt", "Notification"]
