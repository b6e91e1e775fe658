"""Open incidents by cause: definition, step and reason code, never by free text."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Max, Min

from sagas.admin.charts import Spark, spark
from sagas.models import Incident
from sagas.models.incident import IncidentQuerySet

CAUSE = ("definition", "path", "reason_code")
MOST = 10_000
"""So many of the latest open incidents are counted."""
MOST_GROUPS = 100
MOST_SPARKED = 2000
HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Group:
    """All open incidents of one cause; `retried` of them are being tried again."""

    definition: str
    path: str
    reason_code: str
    reason: str
    count: int
    retried: int
    sentence: str
    first: datetime
    last: datetime
    spark: Spark

    @property
    def query(self) -> str:
        """What an address ends with that means this group."""
        return urlencode({"definition": self.definition, "step": self.path, "code": self.reason_code})


def open_incidents(tenant: str) -> IncidentQuerySet:
    """What needs a person, of one tenant."""
    return Incident.objects.open().filter(tenant=tenant)


def groups(tenant: str, now: datetime, **cause: str) -> list[Group]:
    """The causes, the ones with most incidents first; two statements, however many there are."""
    mine = open_incidents(tenant).filter(**cause)
    latest = mine.order_by("-last_at").values("pk")[:MOST]
    found = Incident.objects.filter(pk__in=latest).order_by().values(*CAUSE)
    counted = found.annotate(
        count=Count("pk"),
        retried=Count("retried_at"),
        first=Min("opened_at"),
        last=Max("last_at"),
        reason=Min("reason"),
        said=Min("sentence"),
    ).order_by("-count", "-last")[:MOST_GROUPS]
    sparks = _sparks(mine.order_by("-last_at").values_list(*CAUSE, "opened_at")[:MOST_SPARKED], now)
    return [
        Group(
            definition=row["definition"],
            path=row["path"],
            reason_code=row["reason_code"],
            reason=row["reason"],
            count=row["count"],
            retried=row["retried"],
            sentence=row["said"],
            first=row["first"],
            last=row["last"],
            spark=spark(sparks[tuple(row[name] for name in CAUSE)], HOURS, "new in each of the last 24 hours"),
        )
        for row in counted
    ]


def _sparks(opened: object, now: datetime) -> dict[tuple[str, ...], Counter[int]]:
    """For each cause how many incidents were opened so many hours ago."""
    found: dict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
    for *cause, at in opened:  # type: ignore[attr-defined]
        found[tuple(cause)][int((now - at) / timedelta(hours=1))] += 1
    return found
