"""What a digest says: the words of the category's template, or a plain list."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.limits import cut
from notifications import wording
from notifications.conf import Digest
from notifications.models import Notification
from notifications.reader import Reader
from notifications.templating import Unrenderable

logger = logging.getLogger(__name__)

LONGEST_TEXT = 2000
"""Of one message; the rest is cut off."""


def said(
    tenant: str, messages: Sequence[Notification], more: int, digest: Digest, reader: Reader
) -> tuple[dict[str, str], str, str]:
    """Its content, the template, and the locale; those are empty where it is the plain list.

    Nobody is there any more who could hear that a template does not fit, so what it cannot say is said plainly.
    """
    data = {
        "messages": [_message(message) for message in messages],
        "number": len(messages) + more,
        "more": more,
    }
    found = wording.published(tenant, digest.template) if digest.template else None
    if found is not None:
        try:
            wanted = {name: value for name, value in data.items() if name in found.fields}
            choice = wording.chosen(found, reader.locales)
            return wording.said(found, wanted, choice.locale, reader.clock), str(found), choice.locale
        except Unrenderable as error:
            logger.warning("The digest template %s cannot be used: %s", found, error)
    elif digest.template:
        logger.warning("The digest template %r is not published.", digest.template)
    return _plainly(data), "", ""


def _message(message: Notification) -> dict[str, Any]:
    return {
        "subject": message.content.get("subject", ""),
        "text": cut(message.content.get("text", ""), LONGEST_TEXT),
        "at": message.created_at,
    }


def _plainly(data: Mapping[str, Any]) -> dict[str, str]:
    parts = ["\n".join(part for part in (one["subject"], one["text"]) if part) for one in data["messages"]]
    if data["more"]:
        parts.append(f"… and {data['more']} more.")
    return {"subject": f"{data['number']} messages", "text": "\n\n".join(parts)}
