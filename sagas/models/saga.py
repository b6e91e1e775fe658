from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from gateway.ids import uuid7
from sagas.words.lifecycle import ENDS, SagaState

ON_TIME = timedelta(seconds=15)
"""A run whose clock is past for no longer will be moved by the next sweep."""

RUNG = timedelta(seconds=60)
A_PLACE_IN_LINE = timedelta(milliseconds=8)
"""A due run is rung again at least so often, and so much later for each that is due: twice what sweeps take for it."""


class Going(models.TextChoices):
    FORWARD = "forward"
    BACK = "back"


class Cause(models.TextChoices):
    """Why a saga went back; the first cause decides how it ends."""

    FAILED_STEP = "failed_step", "a step failed"
    CANCELLED = "cancelled", "someone cancelled it"
    DEADLINE = "deadline", "its deadline passed"
    TURNED_BACK = "turned_back", "someone turned it back"
    PARENT = "parent", "its parent went back"


class SagaQuerySet(models.QuerySet["Saga"]):
    def live(self) -> Self:
        """Sagas that have not ended."""
        return self.filter(ended_at=None)

    def of_tenant(self, tenant: str) -> Self:
        """What one tenant may see."""
        return self.filter(tenant=tenant)

    def holding(self, definition: str, business_key: str | None) -> Self:
        """The open saga of that definition that holds the business key, if there is one."""
        return self.live().filter(definition=definition, business_key=business_key, holds_key=True)

    def overdue(self, now: datetime) -> Self:
        """Sagas whose deadline has passed while they still went forward."""
        still = {"paused_at": None, "parked_at": None}
        return self.live().filter(going=Going.FORWARD, overdue_at=None, deadline_at__lte=now, **still)

    def queued(self) -> Self:
        """Sagas that wait until their business key is free."""
        return self.filter(state=SagaState.PENDING, holds_key=False, business_key__isnull=False)

    def needing_a_person(self) -> Self:
        """Sagas with an open incident, whatever their state."""
        return self.filter(open_incidents__gt=0)

    def dead(self, now: datetime) -> Self:
        """Live sagas that nothing will ever move: the liveness invariant, empty when all is well.

        A live saga that is not paused has a due or running run with a clock not long past, an open wait, an open
        incident, or waits for a business key that another one holds. What is due in a long line is not dead.
        """
        from sagas.models.incident import Incident
        from sagas.models.run import Run, Work

        runs = Run.objects.filter(saga=OuterRef("pk"))
        on_time = runs.filter(work__isnull=False, at__gt=now - ON_TIME)
        line = now - RUNG - A_PLACE_IN_LINE * Run.objects.due(now).count()
        in_line = Q(Q(rung_at__gt=line) | Q(at__gt=line, rung_at=None), work=Work.DUE)
        rung = runs.filter(in_line)
        incident = Incident.objects.filter(saga=OuterRef("pk"), closed_at=None)
        same = {name: OuterRef(name) for name in ("tenant", "definition", "business_key")}
        holder = Saga.objects.filter(**same, ended_at=None, holds_key=True)
        queued = Q(state=SagaState.PENDING, holds_key=False) & Exists(holder)
        # Two looks at indexes alone leave few to be looked at whole: live sagas without an active run, and those with
        # one whose clock is past. One question for all of it would read every live saga, and its runs.
        idle = self.live().filter(~Exists(runs.active()), ~Exists(incident)).values_list("pk", flat=True)
        late = Run.objects.late(now - ON_TIME).exclude(in_line).values_list("saga", flat=True)
        some = self.live().filter(pk__in=[*idle.order_by(), *late])
        return some.filter(~Exists(on_time), ~Exists(rung), ~Exists(incident), paused_at=None).exclude(queued)


class Saga(models.Model):
    """One run of a definition.

    `overdue_at` is when its deadline was seen to have passed, `wanted_back` the cause for which it goes back as soon as
    its open pivot turns out not to have happened. `depth` counts the ancestors of a child. `parked_at` is since when
    one of its rows waits for a participant that is held: its deadline stands still from then on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64, default="default")
    definition = models.CharField(max_length=63)
    version = models.IntegerField()
    fingerprint = models.CharField(max_length=16)
    business_key = models.CharField(max_length=255, null=True, blank=True)
    holds_key = models.BooleanField(default=True)
    labels = models.JSONField(default=dict, blank=True)
    priority = models.SmallIntegerField(default=0)
    traceparent = models.CharField(max_length=55, blank=True, default="")

    state = models.CharField(
        max_length=12, default=SagaState.PENDING.value, choices=[(s.value, s.value) for s in SagaState]
    )
    going = models.CharField(max_length=7, default=Going.FORWARD, choices=Going.choices)
    cause = models.CharField(max_length=12, blank=True, default="", choices=Cause.choices)
    failure = models.JSONField(null=True, blank=True)
    position = models.JSONField(default=dict)
    rev = models.BigIntegerField(default=0)
    decisions = models.IntegerField(default=0)
    next_seq = models.IntegerField(default=1)
    open_incidents = models.IntegerField(default=0)

    input = models.JSONField(null=True, blank=True)
    input_rev = models.IntegerField(default=1)
    parent = models.ForeignKey(
        "sagas.Run", null=True, blank=True, on_delete=models.PROTECT, related_name="children", db_index=False
    )
    cloned_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="clones", db_index=False
    )
    depth = models.SmallIntegerField(default=0)
    started_by = models.CharField(max_length=150, blank=True, default="")
    # Emptied when its end is handed to who tells it. The database has the default, too: bulk inserts leave it out.
    callback_url = models.CharField(max_length=2000, blank=True, default="", db_default="")

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    start_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    clock_offset = models.DurationField(default=timedelta)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True, default="")
    paused_why = models.TextField(blank=True, default="")
    parked_at = models.DateTimeField(null=True, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    wanted_back = models.CharField(max_length=12, blank=True, default="", choices=Cause.choices)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SagaQuerySet.as_manager()

    class Meta:
        permissions = [
            ("reveal_saga", "Can see what is sensitive"),
            ("see_payloads", "Can see what sagas were given and gave"),
        ]
        constraints = [
            models.CheckConstraint(
                name="saga_ended_is_an_end",
                condition=Q(ended_at__isnull=False, state__in=sorted(ENDS))
                | Q(ended_at__isnull=True) & ~Q(state__in=sorted(ENDS)),
            ),
            models.CheckConstraint(
                name="saga_never_back_past_pivot", condition=Q(committed_at=None) | Q(going=Going.FORWARD)
            ),
            # One open saga holds a business key; `start` reads the holder by it.
            models.UniqueConstraint(
                name="saga_business_key",
                fields=["tenant", "definition", "business_key"],
                condition=Q(ended_at=None, holds_key=True, business_key__isnull=False),
            ),
        ]
        indexes = [
            # The liveness query, and the console's list of what is under way.
            models.Index(name="saga_live", fields=["tenant", "-id"], condition=Q(ended_at=None)),
            # The sweep's question: whose deadline has passed?
            models.Index(
                name="saga_deadline",
                fields=["deadline_at"],
                condition=Q(ended_at=None, going="forward", deadline_at__isnull=False, overdue_at=None, parked_at=None),
            ),
            # The first that waits for a business key, when its holder ends.
            models.Index(
                name="saga_queued",
                fields=["tenant", "definition", "business_key", "id"],
                condition=Q(state="pending", holds_key=False),
            ),
            # The list of sagas, newest first, page by page.
            models.Index(name="saga_list", fields=["tenant", "-id"]),
            # The same of one definition, which may be rare among the others.
            models.Index(name="saga_of_definition", fields=["tenant", "definition", "-id"]),
            # The same in one state. Most have completed: those are soon found in the list itself.
            models.Index(name="saga_in_state", fields=["tenant", "state", "-id"], condition=~Q(state="completed")),
            # What needs a person.
            models.Index(name="saga_incidents", fields=["tenant", "-id"], condition=Q(open_incidents__gt=0)),
            # Search by business key or its begin, ended sagas included; in every collation.
            models.Index(
                name="saga_by_key",
                fields=["business_key", "tenant"],
                opclasses=["varchar_pattern_ops", "varchar_ops"],
                condition=Q(business_key__isnull=False),
            ),
            # The child of a row, and what must not be deleted before it.
            models.Index(name="saga_child", fields=["parent"], condition=Q(parent__isnull=False)),
            # Whose end is to be told to somebody.
            models.Index(
                name="saga_to_tell", fields=["ended_at"], condition=Q(ended_at__isnull=False) & ~Q(callback_url="")
            ),
            models.Index(name="saga_clone", fields=["cloned_from"], condition=Q(cloned_from__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.business_key or self.id}"

    @property
    def is_going_back(self) -> bool:
        return self.going == Going.BACK
