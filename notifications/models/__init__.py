"""What the service keeps: a notification, its deliveries by channel, their attempts, and what happened beside them.

And what is known of the outside: receivers, what they were sent within the last hour, addresses to which nothing is
sent, and the health of the providers.
"""

from notifications.models.addressee import Addressee
from notifications.models.allowance import Allowance
from notifications.models.attempt import Attempt
from notifications.models.delivery import Delivery
from notifications.models.erasure import Erasure
from notifications.models.event import Event
from notifications.models.health import ProviderHealth
from notifications.models.inbox import InboxItem
from notifications.models.notification import Notification
from notifications.models.receiver import Receiver
from notifications.models.subscriber import Subscriber
from notifications.models.suppression import Reason, Suppression
from notifications.models.sweep import Sweep
from notifications.models.template import MessageTemplate

__all__ = [
    "Addressee",
    "Allowance",
    "Attempt",
    "Delivery",
    "Erasure",
    "Event",
    "InboxItem",
    "MessageTemplate",
    "Notification",
    "ProviderHealth",
    "Reason",
    "Receiver",
    "Subscriber",
    "Suppression",
    "Sweep",
]
