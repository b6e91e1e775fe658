"""Open incidents by cause, as `operations` groups them, with what a page shows beside: words, and when they came."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sagas.admin.charts import Spark, spark
from sagas.models import Incident
from sagas.operations import grouping
from sagas.record.sight import Sight
from sagas.words.outcome import Happened
from sagas.words.verdict import Reason

MOST_READ = 2000
"""Of so many of the latest open incidents the words and the hours are read."""
HOURS = 24
READ = ("definition", "path", "reason_code", "opened_at", "retried_at", "reason", "run__happened", "sentence")

Cause = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One cause on a page."""

    group: grouping.Group
    sentence: str
    retried: int
    doubtful: int
    """So many may have happened and must not be repeated unseen."""
    spark: Spark
    is_muted: bool

    @property
    def query(self) -> str:
        """What an address ends with that means this cause."""
        group = self.group
        return urlencode({"definition": group.definition, "step": group.path, "code": group.reason_code})


def lines(
    tenant: str, now: datetime, sight: Sight, definitions: Collection[str] | None = None, **which: str
) -> list[Line]:
    """The causes, those that are muted last, and else the one with most sagas first; three statements."""
    mine = Incident.objects.open().filter(tenant=tenant, **which).order_by("-last_at")
    mine = mine if definitions is None else mine.filter(definition__in=definitions)
    said: dict[Cause, str] = {}
    opened: dict[Cause, Counter[int]] = defaultdict(Counter)
    retried: Counter[Cause] = Counter()
    doubtful: Counter[Cause] = Counter()
    for *cause, at, again, reason, happened, sentence in _read(mine):
        key: Cause = (cause[0], cause[1], cause[2])
        opened[key][int((now - at) / timedelta(hours=1))] += 1
        retried[key] += again is not None
        doubtful[key] += reason == Reason.OUTCOME_UNKNOWN and happened == Happened.MAYBE
        said.setdefault(key, sight.words(sentence))
    found = [
        Line(
            group=group,
            sentence=said.get(_cause(group), ""),
            retried=retried[_cause(group)],
            doubtful=doubtful[_cause(group)],
            spark=spark(opened[_cause(group)], HOURS, "new in each of the last 24 hours"),
            is_muted=group.muted_until is not None and group.muted_until > now,
        )
        for group in grouping.groups(tenant, definitions, **which)
    ]
    return sorted(found, key=lambda line: (line.is_muted, -line.group.count))


def _read(incidents: Any) -> Iterable[Any]:
    rows: Iterable[Any] = incidents.values_list(*READ)[:MOST_READ]
    return rows


def _cause(group: grouping.Group) -> Cause:
    return group.definition, group.path, group.reason_code
