"""How the whole stands, in numbers that cost the same however many sagas there are: the latest are looked at."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from django.db.models import F

from sagas import health
from sagas.admin.attempts import span
from sagas.admin.charts import Column, columns
from sagas.admin.troubles import HOURS, hours
from sagas.admin.waiting import Waiting, oldest_waiting
from sagas.conf import conf
from sagas.engine.alerting import trouble_with_alerts
from sagas.models import Run, Sweep, Worker
from sagas.models.saga import SagaQuerySet
from sagas.words.lifecycle import ENDS, SagaState

MOST_LIVE = 10_000
MOST_RECENT = 2000
MOST_STEPPED = 200
MOST_STEPS = 20_000
"""A list may have ten thousand items; so many steps of those sagas are looked at."""
OF_RECENT = ("created_at", "ended_at", "state", "open_incidents")
SILENT = timedelta(seconds=30)
KINDS = ("completed", "compensated", "failed", "live", "stuck")
SLOWEST = 12


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How long a step takes: the middle, and what one in twenty exceeds."""

    definition: str
    path: str
    count: int
    p50: str
    p95: str


@dataclass(frozen=True, kw_only=True)
class Health:
    """Whether everything moves: sentences for what is not well."""

    workers: int
    gone: int
    """Workers that fell silent within the last hour, or were stopped."""
    swept: str
    beat: str
    """How long ago beat was heard; empty for never."""
    beat_is_silent: bool
    ringing: int
    """Alerts that are not over; 101 is more than 100."""
    queue_wait: str
    faults: list[str]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What stands beside the incidents."""

    states: list[tuple[str, int, str]]
    """A live state, how many sagas are in it (10,001 is more than 10,000), and since when the oldest is."""
    begun: int
    ended: list[tuple[str, int]]
    chart: list[Column]
    is_short: bool
    """Whether the chart does not reach a day back, since more sagas began than are looked at."""
    waiting: list[Waiting]
    speeds: list[Speed]
    health: Health


def numbers(sagas: SagaQuerySet, now: datetime, ringing: int) -> Numbers:
    """All of it, for the sagas of one tenant, and how many alerts are not over."""
    recent = list(sagas.order_by("-id").values_list(*OF_RECENT)[:MOST_RECENT])
    stacks, ended, begun = _by_hour(recent, now)
    return Numbers(
        states=list(_states(sagas, now)),
        begun=begun,
        ended=sorted(ended.items()),
        chart=columns(stacks, KINDS, hours(now)),
        is_short=len(recent) == MOST_RECENT and recent[-1][0] > now - timedelta(hours=HOURS),
        waiting=oldest_waiting(sagas, now),
        speeds=_speeds(sagas),
        health=_health(now, ringing),
    )


def _states(sagas: SagaQuerySet, now: datetime) -> Iterator[tuple[str, int, str]]:
    """Counted in an index alone, state by state: the sagas themselves lie scattered among all that have ended."""
    for state in sorted({*SagaState} - ENDS):
        mine = sagas.filter(state=state).exclude(state=SagaState.COMPLETED).order_by("-id").values_list("pk", flat=True)
        if count := mine[: MOST_LIVE + 1].count():
            oldest = sagas.filter(pk__in=list(mine[count - 1 : count])).values_list("created_at", flat=True).first()
            yield state, count, span(now - (oldest or now))


def _by_hour(recent: list[Any], now: datetime) -> tuple[list[Counter[str]], Counter[str], int]:
    """The sagas that began in each of the last hours, by what became of them."""
    stacks: list[Counter[str]] = [Counter() for _ in range(HOURS)]
    ended: Counter[str] = Counter()
    begun = 0
    for created, end, state, incidents in recent:
        ago = max(0, int((now - created) / timedelta(hours=1)))
        if ago >= HOURS:
            continue
        begun += 1
        kind = _kind(end, state, incidents)
        stacks[HOURS - 1 - ago][kind] += 1
        ended[kind] += 1
    return stacks, ended, begun


def _kind(end: datetime | None, state: str, incidents: int) -> str:
    if end is None:
        return "stuck" if incidents else "live"
    return "compensated" if state == SagaState.CANCELLED else state


def _speeds(sagas: SagaQuerySet) -> list[Speed]:
    """Of the steps of the newest sagas, the slowest first."""
    newest = sagas.order_by("-id").values("pk")[:MOST_STEPPED]
    runs = Run.objects.filter(saga_id__in=newest, kind=Run.Kind.STEP, started_at__isnull=False, ended_at__isnull=False)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    found = runs.annotate(took=F("ended_at") - F("started_at")).values_list("saga__definition", "path", "took")
    for definition, path, took in found[:MOST_STEPS]:
        times[definition, path].append(took.total_seconds())
    slowest = sorted(((_quantiles(found), key, len(found)) for key, found in times.items()), reverse=True)[:SLOWEST]
    return [
        Speed(
            definition=definition,
            path=path,
            count=count,
            p50=span(timedelta(seconds=p50)),
            p95=span(timedelta(seconds=p95)),
        )
        for (p95, p50), (definition, path), count in slowest
    ]


def _quantiles(found: list[float]) -> tuple[float, float]:
    if len(found) == 1:
        return found[0], found[0]
    cuts = quantiles(found, n=20, method="inclusive")
    return max(0.0, cuts[18]), max(0.0, cuts[9])


def _health(now: datetime, ringing: int) -> Health:
    mark = Sweep.objects.filter(pk=1).first()
    beat = mark.beat_at if mark else None
    waiting = Run.objects.due(now).order_by("at").values_list("at", flat=True).first()
    faults = (health.swept(), health.alive(), trouble_with_alerts(now))
    return Health(
        workers=Worker.objects.alive(now, conf().gone_after).count(),
        gone=Worker.objects.filter(gone_at__gt=now - timedelta(hours=1)).count(),
        swept=_ago(mark.at if mark else None, now),
        beat=_ago(beat, now),
        beat_is_silent=beat is None or beat < now - SILENT,
        ringing=ringing,
        queue_wait=_ago(waiting, now),
        faults=[said[0].upper() + said[1:] for said in faults if said],
    )


def _ago(at: datetime | None, now: datetime) -> str:
    return span(max(now - at, timedelta(0))) if at else ""
