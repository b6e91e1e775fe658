"""A saga's timeline as text for a failed test: when, what happened, who did it; its children's below it."""

from collections.abc import Iterator
from datetime import timedelta
from textwrap import shorten

from sagas.engine.explain import explain
from sagas.engine.timeline import timeline
from sagas.models import Saga

WIDEST = 110
"""Characters of what happened that a line shows."""


def as_text(saga: Saga) -> str:
    """What happened to the saga, line by line, and the sentence that says how it stands."""
    return "\n".join(_lines(saga))


def _lines(saga: Saga, indent: str = "") -> Iterator[str]:
    title = f"{saga.definition} {saga.business_key or saga.pk} is {saga.state}"
    yield f"{indent}{title}, {span(saga.updated_at - saga.created_at)} after it began:"
    entries = [(entry, shorten(entry.text, WIDEST, placeholder=" …")) for entry in timeline(saga)]
    widest = max((len(text) for _, text in entries), default=0)
    for entry, text in entries:
        yield f"{indent}  {span(entry.at - saga.created_at):>10}  {text:<{widest}}  {entry.actor}"
    for child in Saga.objects.filter(parent__saga=saga).order_by("created_at"):
        yield from _lines(child, indent + "    ")
    yield f"{indent}  {explain(saga)}"


def span(of: timedelta) -> str:
    """A duration as people say it: "0.3 s", "4 min 10 s", "2 d 3 h"."""
    seconds = of.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
