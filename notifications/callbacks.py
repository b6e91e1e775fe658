"""What a service that sent a notification is told of it: a signed webhook, which is a notification of its own.

So it has retries, a timeline and an expiry like every other, and no second loop delivers it.
"""

from notifications.conf import CALLBACK, conf
from notifications.dispatch import ring_after_commit
from notifications.lifecycle import ENDS
from notifications.models import Notification


def call_back(notification: Notification, detail: str) -> None:
    """Have the sender told where it stands now, if it asked for that and it is an end; in the caller's transaction."""
    if not notification.callback_url or notification.status not in ENDS:
        return
    lifetime = conf().category(CALLBACK).lifetime
    told = Notification.objects.create(
        tenant=notification.tenant,
        caller=notification.caller,
        traceparent=notification.traceparent,
        about=notification,
        receiver={"url": notification.callback_url},
        content={"payload": _payload(notification, detail)},
        channels=["webhook"],
        category=CALLBACK,
        expires_at=notification.now + lifetime if lifetime else None,
    )
    ring_after_commit([told])


def _payload(notification: Notification, detail: str) -> dict[str, object]:
    return {
        "type": f"notification.{notification.status}",
        "timestamp": notification.now.isoformat(),
        "data": {
            "id": str(notification.pk),
            "status": notification.status,
            "channel": notification.channel or None,
            "detail": detail or None,
            "metadata": notification.metadata,
        },
    }
