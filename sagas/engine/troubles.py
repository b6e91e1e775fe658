"""What people may have to be told of: groups of open incidents, and what is not well with the installation itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, Q

from sagas.conf import conf
from sagas.models import Incident, IncidentGroup, Run, Sweep, Worker
from sagas.words import registry
from sagas.words.alerts import Policy, Trouble
from sagas.words.verdict import Reason

MOST = 500
"""So many groups are told of at most, those with most incidents first."""
SILENCE = timedelta(minutes=1)
URGENT = frozenset({Reason.COMPENSATION_REFUSED, Reason.COMPENSATION_EXHAUSTED, Reason.COMPENSATION_ABSENT})
"""A compensation that is stuck leaves something in the world that nobody undoes."""

Name = tuple[str, str, str, str]
"""Tenant, definition, path and reason code."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One trouble, with what people are told about it."""

    name: Name
    trouble: Trouble
    title: str
    severity: str = "warning"
    owner: str = ""
    runbook: str = ""
    link: str = field(default="")


def troubles(now: datetime, policy: Policy, looked_at: datetime | None) -> list[Found]:
    """All of them as they stand; `looked_at` is when that was asked before."""
    return [*_groups(now, policy), *_installation(now, looked_at)]


def _groups(now: datetime, policy: Policy) -> Iterator[Found]:
    rows = (
        Incident.objects.open()
        .order_by()
        .values_list("tenant", "definition", "path", "reason_code")
        .annotate(
            count=Count("pk"),
            since=Min("opened_at"),
            lately=Count("pk", filter=Q(opened_at__gt=now - policy.window)),
            reason=Max("reason"),
        )
        .order_by("-count")[:MOST]
    )
    groups = list(rows)
    muted = set()
    if groups:
        still = IncidentGroup.objects.filter(muted_until__gt=now)
        muted = set(still.values_list("tenant", "definition", "path", "reason_code"))
    tables = {table.name: table for table in registry.everything()}
    for tenant, definition, path, code, count, since, lately, reason in groups:
        name, table = (tenant, definition, path, code), tables.get(definition)
        query = urlencode({"definition": definition, "step": path, "code": code})
        yield Found(
            name=name,
            trouble=Trouble(count=count, since=since, lately=lately, is_muted=name in muted),
            title=f"{definition}: {path or 'the saga'}: {code}",
            severity="urgent" if reason in URGENT else "warning",
            owner=table.owner if table else "",
            runbook=table.runbook if table else "",
            link=f"/admin/sagas/incident/group/?{query}",
        )


def _installation(now: datetime, looked_at: datetime | None) -> Iterator[Found]:
    if looked_at is not None and looked_at < now - SILENCE:
        yield _ours("", "sweep_silent", looked_at, f"nobody swept from {looked_at:%H:%M:%S} to {now:%H:%M:%S} UTC", now)
    workers = list(Worker.objects.alive(now, conf().gone_after))
    for worker in workers:
        if worker.probed_at is not None and worker.probed_at < now - 2 * conf().deaf_after:
            title = f"worker {worker.name} hears no messages"
            yield _ours(worker.name, "canary_silent", worker.probed_at, title, now)
    oldest = Run.objects.due(now - conf().alert_queue_age).filter(saga__paused_at=None).order_by("at").first()
    if oldest is not None and oldest.at is not None:
        served = any(oldest.queue in worker.queues for worker in workers)
        code = "queue_age" if served else "no_worker"
        title = f"steps on queue {oldest.queue} wait" if served else f"no living worker serves queue {oldest.queue}"
        yield _ours(oldest.queue, code, oldest.at, title, now)


def _ours(path: str, code: str, since: datetime, title: str, now: datetime) -> Found:
    return Found(
        name=("", "", path[:150], code),
        trouble=Trouble(count=1, since=min(since, now)),
        title=title,
        severity="urgent",
        link="/admin/sagas/incident/",
    )


def last_look() -> datetime | None:
    """When troubles were last looked at; None if never."""
    return Sweep.objects.filter(pk=1).values_list("alerted_at", flat=True).first()
