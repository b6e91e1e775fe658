"""How events stand, for `/metrics`; `GATEWAY["METRICS"]` names `figures` by its dotted path.

Targets and sources are named as the settings name them; what was for one that is gone is "other".
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from gateway.figures import Figure, Labels
from sagas.conf import conf
from sagas.events.backlog import Line, coming_in, going_out
from sagas.record import clock

OTHER = "other"


def figures() -> list[Figure]:
    """What leaves and what comes: how much waits, since when, and how much needs a person."""
    now, leaving, coming = clock.now(), going_out(), coming_in()
    return [
        *_of("outbox", "target", leaving, conf().event_targets, now),
        *_of("inbox", "source", coming, conf().event_sources, now),
        Figure(
            name="saga_outbox_trouble",
            help="Whether a target of events cannot be reached.",
            labels=("target",),
            values={(line.name,): float(bool(line.trouble)) for line in leaving if line.name in conf().event_targets},
        ),
    ]


def _of(name: str, label: str, lines: Sequence[Line], declared: Collection[str], now: datetime) -> Iterator[Figure]:
    waiting: dict[Labels, float] = defaultdict(float)
    parked: dict[Labels, float] = defaultdict(float)
    oldest: dict[Labels, float] = {}
    for line in lines:
        labels = (line.name if line.name in declared else OTHER,)
        waiting[labels] += line.waiting
        parked[labels] += line.parked
        if line.oldest is not None:
            oldest[labels] = max(oldest.get(labels, 0.0), (now - line.oldest).total_seconds())
    what = "leave" if name == "outbox" else "be understood"
    yield Figure(name=f"saga_{name}_waiting", help=f"Events that wait to {what}.", labels=(label,), values=waiting)
    yield Figure(name=f"saga_{name}_parked", help="Events that need a person.", labels=(label,), values=parked)
    yield Figure(
        name=f"saga_{name}_oldest_seconds",
        help="For how long the first of those that wait has.",
        labels=(label,),
        values=oldest,
        grows=True,
    )
