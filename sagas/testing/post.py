"""How the workers of a world hear of what is due."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sagas.engine import dispatch
from sagas.engine.door import Found
from sagas.models import Run


class Post(Protocol):
    """Brings workers to what is due, one after the other."""

    def caught(self) -> AbstractContextManager[None]:
        """Within this context the engine's messages are this post's."""

    def next(self, sagas: Collection[UUID], now: datetime, refused: Collection[Found]) -> Found | None:
        """What a worker comes for next, if it comes for anything now; `refused` was done before, or by others."""

    def hears_of(self, run: Run) -> datetime | None:
        """When somebody hears of a run that is due and that nobody came for; None if nobody will."""


class AtOnce:
    """Whatever is due is found at once, and messages are not looked at."""

    def caught(self) -> AbstractContextManager[None]:
        return dispatch.silenced()

    def next(self, sagas: Collection[UUID], now: datetime, refused: Collection[Found]) -> Found | None:
        due = Run.objects.due(now).filter(saga__in=sagas).order_by("at", "id").values_list("pk", "fence")
        return next((found for found in due if found not in refused), None)

    def hears_of(self, run: Run) -> datetime | None:
        return None
