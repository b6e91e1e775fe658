"""What a team's function is given: one context, plain to read, that never touches the saga's rows for writing."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.answers import meanings
from sagas.conf import conf
from sagas.definition import Definition
from sagas.errors import Denied
from sagas.http import Service
from sagas.lease import confirm, renew
from sagas.models import Run
from sagas.outcome import Happened
from sagas.payload import unpack
from sagas.record import Claim
from sagas.verdict import Doing

Returned = TypeVar("Returned")

FRESH = 1.0
"""Seconds for which a claim is proof enough that the saga still goes forward."""


@dataclass(frozen=True, kw_only=True)
class SagaInfo:
    """The saga a function works for."""

    id: UUID
    definition: str
    version: int
    business_key: str | None
    labels: Mapping[str, Any]
    tenant: str


@dataclass(frozen=True, kw_only=True)
class Action:
    """The action that a compensation undoes or a probe asks after.

    `result` is what it returned, None when nothing is known of it; `happened` is "no", "maybe" or "yes".
    """

    key: str
    result: Any
    happened: Happened


class Results(Mapping[str, Any]):
    """Earlier results by the step's name, each loaded on first use. Siblings that run side by side are not visible."""

    def __init__(self, saga_id: UUID, definition: Definition, path: str) -> None:
        here = definition.places[path]
        self._saga_id = saga_id
        self._names = [name for name, place in definition.places.items() if place.row < here.row]
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(f"{name!r} is not a step before this one; there are: {', '.join(self._names) or 'none'}.")
        if name not in self._loaded:
            with borrowed():
                run = Run.objects.filter(saga_id=self._saga_id, path=name).only("result").first()
            self._loaded[name] = unpack(run.result) if run else None
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, kw_only=True)
class Context:
    """One attempt, as the team's function sees it.

    `input` is the saga's input as the definition's pydantic model, `key` the idempotency key of this attempt,
    `attempt` its number from 1.
    """

    input: Any
    key: str
    attempt: int
    saga: SagaInfo
    results: Results
    action: Action
    _claim: Claim = field(repr=False)

    def result(self, function: Callable[..., Returned]) -> Returned:
        """The result of an earlier step by its function, and of that function's type.

        What is stored is JSON: a pydantic model or a dataclass comes back as a dict.
        """
        places = self._claim.definition.places
        name = next((name for name, place in places.items() if place.step.action is function), function.__name__)
        found: Returned = self.results[name]
        return found

    def heartbeat(self, progress: Any = None) -> None:
        """Tell that the attempt lives; `progress`, small JSON, is shown to people.

        Raises `TurnedBack` when the saga was turned back meanwhile: stop then.
        """
        renew(self._claim.run, self._claim.step.heartbeat, progress)

    def service(self, name: str) -> Service:
        """A participant by its name in the settings, called within this attempt's time under its idempotency key.

        Raises `Denied` for a name that the settings do not have.
        """
        known = conf().services
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Denied(f"SAGAS['SERVICES'] has no service {name!r}; there are: {names}.", code="service_unknown")
        given = known[name]
        back = self._claim.run.doing == Doing.COMPENSATION
        return Service(
            name=name,
            url=given["url"],
            token=given.get("token", ""),
            deadline=self._time_left,
            key=self.key,
            action_key=self.action.key if back else None,
            traceparent=self._claim.saga.traceparent or None,
            meanings=meanings(given),
        )

    def _time_left(self) -> float:
        claim = self._claim
        left = claim.ends - time.monotonic()
        spent = (claim.step.timeout.total_seconds() if claim.step.timeout else 0) - left
        if spent > FRESH and claim.run.doing != Doing.COMPENSATION:
            confirm(claim.run)
        return left


def context_of(claim: Claim) -> Context:
    """The context of a claimed attempt. Raises pydantic's `ValidationError` when today's code cannot read the input."""
    saga, run, model = claim.saga, claim.run, claim.definition.input
    given = unpack(saga.input)
    late = (run.late or {}).get("result")
    return Context(
        input=model.model_validate(given) if model else given,
        key=run.key,
        attempt=run.asks if run.doing == Doing.PROBE else run.tries,
        saga=SagaInfo(
            id=saga.id,
            definition=saga.definition,
            version=saga.version,
            business_key=saga.business_key,
            labels=saga.labels,
            tenant=saga.tenant,
        ),
        results=Results(saga.id, claim.definition, run.path),
        action=Action(
            key=run.action_key,
            result=unpack(run.result if run.result is not None else late),
            happened=Happened(run.happened),
        ),
        _claim=claim,
    )
