"""Who runs steps: each process, its heartbeat, what it serves, and what it has in hand."""

from dataclasses import dataclass

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from sagas.admin.attempts import span
from sagas.admin.console import Console
from sagas.conf import conf
from sagas.models import Run, Work, Worker
from sagas.record import clock

MOST = 200


@dataclass(frozen=True, kw_only=True)
class Line:
    """One process; `stands` is alive, silent or gone."""

    worker: Worker
    stands: str
    beat: str
    age: str
    in_hand: int


@admin.register(Worker)
class WorkerAdmin(Console):
    """Workers: the living first."""

    def get_urls(self) -> list[URLPattern]:
        """One page."""
        return [path("", self.door(self.list_page), name="sagas_worker_changelist")]

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """All processes that are known, three statements."""
        return self.show(request, "workers", {"title": "Workers", "section": "workers", "lines": lines()})


def lines() -> list[Line]:
    """Every process, those with the latest heartbeat first."""
    now = clock.now()
    silence = conf().gone_after
    running = Run.objects.filter(work=Work.RUNNING, worker__isnull=False).order_by().values_list("worker")
    in_hand = dict(running.annotate(count=Count("pk")))

    def stands(worker: Worker) -> str:
        if worker.gone_at is not None:
            return "gone"
        return "alive" if worker.beat_at > now - silence else "silent"

    return [
        Line(
            worker=worker,
            stands=stands(worker),
            beat=span(max(now - worker.beat_at, now - now)),
            age=span((worker.beat_at if worker.gone_at else now) - worker.started_at),
            in_hand=in_hand.get(worker.pk, 0),
        )
        for worker in Worker.objects.order_by("-beat_at")[:MOST]
    ]
