from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from sagas.words.keys import action_key, compensation_key
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.verdict import Doing


class Work(models.TextChoices):
    """What a live run does at this moment; an ended or held run does nothing (NULL)."""

    DUE = "due"
    RUNNING = "running"
    WAITING = "waiting"


CLOCKED = Lower("work")
"""What `run_clock` begins with: `work`, behind a function, so that only looks at all sagas can use that index.

With it bare, PostgreSQL would look for one saga's due run there as soon as its statistics are older than a backlog:
it takes what is due for nearly nothing then, and each claim reads the whole backlog.
"""


class RunQuerySet(models.QuerySet["Run"]):
    def overdue(self, now: datetime) -> Self:
        """Attempts whose lease is over."""
        return self._by_the_clock([Work.RUNNING], now)

    def due(self, now: datetime) -> Self:
        """Runs that a worker should have claimed by now."""
        return self._by_the_clock([Work.DUE], now)

    def timed_out(self, now: datetime) -> Self:
        """Runs that have waited until now."""
        return self._by_the_clock([Work.WAITING], now)

    def late(self, now: datetime) -> Self:
        """Runs whose clock has come, whatever they do."""
        return self._by_the_clock(list(Work), now)

    def _by_the_clock(self, work: list[Work], now: datetime) -> Self:
        """For looks at the runs of all sagas, which `run_clock` serves, and nothing else does.

        That `work` is not NULL follows, but SQLite takes a partial index only where it is said.
        """
        return self.alias(at_work=CLOCKED).filter(at_work__in=work, at__lte=now, work__isnull=False)

    def active(self) -> Self:
        """Runs with a clock."""
        return self.filter(work__isnull=False)

    def retriable(self, now: datetime) -> Self:
        """What a person may have tried now: rows that are held or stuck, and those that wait for their next try."""
        return self.filter(retriable(now))

    def in_place(self) -> Self:
        """Runs whose effect may be there and is not undone."""
        gone = [Undo.DONE, Undo.WAIVED, Undo.UNNEEDED]
        return self.filter(seq__isnull=False).exclude(happened=Happened.NO).exclude(undo__in=gone)

    def unsettled(self) -> Self:
        """What the way back still has before it, the step that started last first."""
        return self.filter(UNSETTLED, seq__isnull=False).order_by("-seq")


def retriable(now: datetime) -> Q:
    """What a person may have tried now, as a condition."""
    later = Q(work=Work.DUE, at__gt=now, hold=None, saga__ended_at=None) & ~Q(saga__state=SagaState.PENDING)
    return Q(undo=Undo.STUCK) | Q(held=True) | later


OPEN = [Undo.OWED, Undo.DUE, Undo.RUNNING, Undo.STUCK]
UNSETTLED = Q(work__in=[Work.RUNNING, Work.WAITING]) | Q(undo__in=OPEN)


class Run(models.Model):
    """One row of one saga at work: its forward side and its way back.

    `fence` grows with every change of `work`: a worker that holds an old one can write nothing. `prior` is what was
    known of the effect before the present attempt, so that a refusal can speak of its own attempt only. `undo_tried`
    says that the compensation's present key has been used, `undo_again` that it is owed once more under a new one.
    `held`: a person must look at it. `loser`: its result does not count, and what it did is undone at once. `given` is
    what it was given: the item of an `each`, a signal's payload, a decision, a message's content. `relative` says that
    its clock is prolonged by a pause of the saga. `hold` is the hold of the participant that a due run waits for, since
    `parked_at`: its clock is far off then.
    """

    class Kind(models.TextChoices):
        STEP = "step"
        GROUP = "group"
        WAIT = "wait"
        APPROVAL = "approval"
        SLEEP = "sleep"
        CHILD = "child"
        MESSAGE = "message"
        """No row of the table: what another saga, or this one, tells this saga; gone when it was heard."""

    # Written under the saga's lock or its `rev`, so the database need not look for the saga a second time.
    saga = models.ForeignKey(
        "sagas.Saga", on_delete=models.CASCADE, related_name="runs", db_index=False, db_constraint=False
    )
    path = models.CharField(max_length=80)
    item = models.IntegerField(default=0)
    kind = models.CharField(max_length=8, default=Kind.STEP, choices=Kind.choices)

    state = models.CharField(
        max_length=10, default=StepState.DUE.value, choices=[(s.value, s.value) for s in StepState]
    )
    undo = models.CharField(max_length=8, default=Undo.NONE.value, choices=[(s.value, s.value) for s in Undo])
    happened = models.CharField(max_length=5, default=Happened.NO.value, choices=[(s.value, s.value) for s in Happened])
    prior = models.CharField(max_length=5, default=Happened.NO.value, choices=[(s.value, s.value) for s in Happened])
    seq = models.IntegerField(null=True, blank=True)
    generation = models.IntegerField(default=1)
    undo_round = models.IntegerField(default=0)
    undo_tried = models.BooleanField(default=False)
    undo_again = models.BooleanField(default=False)
    held = models.BooleanField(default=False)
    loser = models.BooleanField(default=False)

    work = models.CharField(max_length=7, null=True, blank=True, choices=Work.choices)
    doing = models.CharField(max_length=12, default=Doing.ACTION.value, choices=[(s.value, s.value) for s in Doing])
    fence = models.IntegerField(default=1)
    tries = models.IntegerField(default=0)
    asks = models.IntegerField(default=0)
    crashes = models.IntegerField(default=0)
    since = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    relative = models.BooleanField(default=True)
    hold = models.ForeignKey(
        "sagas.Hold",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="runs",
        db_index=False,
        db_constraint=False,
    )
    parked_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    worker = models.UUIDField(null=True, blank=True)
    queue = models.CharField(max_length=100, default="sagas")
    priority = models.SmallIntegerField(default=0)

    given = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    late = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    code = models.CharField(max_length=100, blank=True, default="")
    progress = models.JSONField(null=True, blank=True)
    input_rev = models.IntegerField(default=1)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also finds the runs of a saga, so that the foreign key needs no index of its own; as in the other tables.
            models.UniqueConstraint(name="run_once", fields=["saga", "path", "item"]),
            # Everything live has a clock: nothing can be forgotten without breaking this.
            models.CheckConstraint(
                name="run_live_has_a_clock",
                condition=Q(work__isnull=True, at__isnull=True) | Q(work__isnull=False, at__isnull=False),
            ),
            models.CheckConstraint(
                name="run_running_has_a_worker",
                condition=Q(work=Work.RUNNING, worker__isnull=False)
                | Q(work__isnull=True, worker__isnull=True)
                | Q(work__isnull=False, worker__isnull=True) & ~Q(work=Work.RUNNING),
            ),
            models.CheckConstraint(
                name="run_effect_was_started", condition=Q(happened=Happened.NO) | Q(seq__isnull=False)
            ),
        ]
        indexes = [
            # The one clock index: what is due, or waits, or runs, and until when.
            models.Index(CLOCKED, F("at"), name="run_clock", condition=Q(work__isnull=False)),
            # The approvals inbox: what waits for a person's yes or no, by row, the oldest first.
            models.Index(name="run_approval", fields=["path", "id"], condition=Q(kind="approval", work=Work.WAITING)),
            # What comes before all else, asked with every message where the broker ranks none; mostly there is nothing.
            models.Index(name="run_urgent", fields=["at"], condition=Q(work=Work.DUE, priority__gt=0)),
            # What waits for a participant that is held, the first that came first.
            models.Index(name="run_parked", fields=["hold", "id"], condition=Q(hold__isnull=False)),
            # Take-over of what a dead worker held.
            models.Index(name="run_of_worker", fields=["worker"], condition=Q(work=Work.RUNNING)),
            # Turning back, and the liveness query: what of this saga is live?
            models.Index(name="run_active", fields=["saga"], condition=Q(work__isnull=False)),
            # The way back: what of this saga is not settled, the latest first?
            models.Index(F("saga"), F("seq").desc(), name="run_unsettled", condition=UNSETTLED),
        ]

    def __str__(self) -> str:
        return f"{self.path} of {self.saga_id}"

    @property
    def stance(self) -> str:
        """What this row is to its saga's state: busy, waiting, held, stuck on its way back, or nothing of these."""
        if self.kind == self.Kind.MESSAGE:
            return ""
        if self.held:
            return "held"
        if self.work:
            return "waiting" if self.work == Work.WAITING else "busy"
        return "stuck" if self.undo == Undo.STUCK else ""

    @property
    def is_unsettled(self) -> bool:
        """Does the way back still have it before it? As `unsettled` asks."""
        return self.seq is not None and (self.work in (Work.RUNNING, Work.WAITING) or self.undo in OPEN)

    @property
    def action_key(self) -> str:
        """The idempotency key that its action's participant sees."""
        return action_key(self.saga_id, self.path, self.item, self.generation)

    @property
    def key(self) -> str:
        """The idempotency key of what this run does now: the action's, or its compensation's."""
        if self.doing == Doing.COMPENSATION:
            return compensation_key(self.action_key, self.undo_round)
        return self.action_key
