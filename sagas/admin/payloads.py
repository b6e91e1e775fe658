"""What sagas were given and gave, as people read it; the one place through which every payload goes to a page."""

import json
from typing import Any

from sagas.record import payload

LONGEST = 20_000


def shown(value: Any) -> str:
    """JSON as people read it, with masks where it is sensitive, cut where it is endless; nothing for nothing."""
    if value is None:
        return ""
    text = json.dumps(payload.shown(value), indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… and {len(text) - LONGEST} characters more"
