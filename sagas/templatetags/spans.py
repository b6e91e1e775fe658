"""How long ago, in the console's templates, in the words of its other figures."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from sagas.admin.attempts import span

register = template.Library()


@register.filter
def since(at: datetime | None) -> str:
    """The time since then: "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; nothing where there is no such time."""
    if at is None:
        return ""
    seconds = max(0, int((timezone.now() - at).total_seconds()))
    return span(timedelta(seconds=seconds)) if seconds >= 60 else f"{seconds} s"
