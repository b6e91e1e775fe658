"""Trouble by the hour in which it began: what needed a person, and whether it still does."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagas.admin.charts import Column, columns
from sagas.models import Incident

MOST = 5000
HOURS = 24
KINDS = ("over", "stuck")


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """How often a person was needed in the last day; `chart` has a column for each hour."""

    began: int
    is_open: int
    chart: list[Column]
    is_short: bool
    """Whether there were more than are looked at."""

    @property
    def over(self) -> int:
        return self.began - self.is_open


def troubles(tenant: str, definitions: Collection[str] | None, now: datetime) -> Troubles:
    """Of one tenant, and of the definitions that one may know of, None is all; one statement."""
    found = Incident.objects.filter(tenant=tenant, opened_at__gt=now - timedelta(hours=HOURS))
    if definitions is not None:
        found = found.filter(definition__in=definitions)
    rows = list(found.order_by("-opened_at").values_list("opened_at", "closed_at")[:MOST])
    stacks: list[Counter[str]] = [Counter() for _ in range(HOURS)]
    for opened, closed in rows:
        ago = max(0, int((now - opened) / timedelta(hours=1)))
        stacks[HOURS - 1 - ago]["over" if closed else "stuck"] += 1
    return Troubles(
        began=len(rows),
        is_open=sum(stack["stuck"] for stack in stacks),
        chart=columns(stacks, KINDS, hours(now)),
        is_short=len(rows) == MOST,
    )


def hours(now: datetime) -> list[str]:
    """The last hours, the oldest first, as they are called below a chart."""
    begins = [now - timedelta(hours=ago) for ago in reversed(range(1, HOURS + 1))]
    return [f"{begin:%H:%M} to {begin + timedelta(hours=1):%H:%M} UTC" for begin in begins]
