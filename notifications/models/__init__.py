"""What the service keeps: a notification, its deliveries by channel, their attempts, and what happened beside them."""

from notifications.models.attempt import Attempt
from notifications.models.delivery import Delivery
from notifications.models.event import Event
from notifications.models.health import ProviderHealth
from notifications.models.notification import Notification

__all__ = ["Attempt", "Delivery", "Event", "Notification", "ProviderHealth"]
