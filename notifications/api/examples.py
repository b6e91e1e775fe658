"""The example of the API's description: what a shop tells one customer."""

from typing import Any

ID = "019aa7c2-5c80-7000-8000-1c3d5e7f9a0b"
LATER_ID = "019aa7c2-6f11-7000-8000-2d4f6a8b0c1d"
AT = "2026-03-01T10:00:00Z"
LATER = "2026-03-01T10:00:02Z"

CONTENT = {"subject": "Your order", "text": "It is on its way."}
SEND: dict[str, Any] = {"receiver": {"email": "jane@example.org"}, "content": CONTENT}
ACCEPTED = {"id": ID, "status": "accepted"}
LINE: dict[str, Any] = {
    "id": ID,
    "status": "sent",
    "receiver": {"email": "jane@example.org"},
    "part_of": None,
    "digest": None,
    "digest_key": None,
    "digest_size": None,
    "channel": "email",
    "category": "transactional",
    "template": None,
    "locale": None,
    "priority": "normal",
    "mode": "live",
    "metadata": {"order": "17"},
    "tries": 1,
    "error": None,
    "created_at": AT,
    "updated_at": LATER,
    "next_attempt_at": None,
    "expires_at": None,
    "ended_at": LATER,
}
FULL: dict[str, Any] = {
    **LINE,
    "allowed": [],
    "deliveries": [
        {
            "channel": "email",
            "address": "jane@example.org",
            "status": "sent",
            "provider_id": f"<{ID}@shop.example>",
            "created_at": AT,
            "ended_at": LATER,
        }
    ],
    "attempts": [
        {
            "number": 1,
            "channel": "email",
            "provider": "mail",
            "result": "sent",
            "provider_id": f"<{ID}@shop.example>",
            "code": None,
            "error": None,
            "started_at": AT,
            "ended_at": LATER,
            "seconds": 2.0,
        }
    ],
    "events": [{"kind": "sent", "detail": None, "actor": None, "at": LATER}],
    "engagement": {kind: {"first_at": None, "times": 0} for kind in ("opened", "clicked", "read")},
}
RETRIED: dict[str, Any] = {
    **LINE,
    "status": "queued",
    "next_attempt_at": LATER,
    "ended_at": None,
    "allowed": ["cancel"],
}
CANCEL: dict[str, Any] = {
    "reason": "The order was called off.",
    "correction": {"content": {"subject": "Your order", "text": "It does not come after all."}},
}
CANCELLED: dict[str, Any] = {
    **LINE,
    "allowed": [],
    "arrived": "yes",
    "correction": {"id": LATER_ID, "status": "accepted"},
}
RECEIVER: dict[str, Any] = {
    "addresses": {"email": "jane@example.org", "phone": "+15550100"},
    "locale": "de-AT",
    "timezone": "Europe/Vienna",
    "quiet_hours": {"begins": "22:00:00", "ends": "07:00:00"},
    "preferences": {"news": {"email": False}},
}
INBOX: dict[str, Any] = {"id": ID, "subject": "Your order", "text": "It is here.", "created_at": AT, "read_at": None}
SUPPRESS: dict[str, Any] = {"channel": "email", "address": "jane@example.org", "detail": "She asked us to."}
SUPPRESSION: dict[str, Any] = {**SUPPRESS, "id": ID, "category": None, "reason": "by_hand", "created_at": AT}
ERASURE: dict[str, Any] = {
    "id": ID,
    "done": True,
    "notifications": 12,
    "cancelled": 1,
    "actor": "service:shop",
    "reason": "She asked us to.",
    "created_at": AT,
    "ended_at": LATER,
}
DRAFT: dict[str, Any] = {
    "locale": "en",
    "texts": {"en": {"subject": "Order {{ number }}", "text": "Hello {{ name }}."}},
    "fields": {"name": "text", "number": "number"},
    "example": {"name": "Jane", "number": 17},
}
TEMPLATE: dict[str, Any] = {
    **DRAFT,
    "name": "shipped",
    "version": 1,
    "author": "service:shop",
    "created_at": AT,
    "published_at": None,
}
PREVIEW = {"locale": "en", "why": "It was asked for.", "timezone": "UTC", "subject": "Order 17", "text": "Hello Jane."}
PROVIDER: dict[str, Any] = {
    "name": "mail",
    "channel": "email",
    "breaker": "open",
    "failures": 5,
    "open_until": LATER,
    "error": "The mail server cannot be reached.",
    "per_minute": None,
    "free_at": None,
}
TOLD = {"events": [{"id": "e1", "provider_id": "m-17", "event": "delivered"}]}


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    """The only page of a list."""
    return {"results": list(rows), "next": None}
