"""What a team's function is given: one context, plain to read, that never touches the saga's rows for writing."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils.functional import cached_property

from gateway.borrowing import borrowed
from sagas.conf import conf
from sagas.engine.answers import meanings
from sagas.engine.http import Service
from sagas.engine.links import signal_url
from sagas.errors import Denied
from sagas.models import Revision, Run
from sagas.record.attempts import Claim
from sagas.record.lease import confirm, renew
from sagas.record.payload import pack, shown, text, unpack
from sagas.record.sealing import scrubbed
from sagas.words.definition import Definition, Place
from sagas.words.events import Fact, check_type
from sagas.words.lifecycle import StepState
from sagas.words.outcome import Happened
from sagas.words.results import FAILED, TIMED_OUT
from sagas.words.rows import Each, Parallel, Step
from sagas.words.verdict import Doing

Returned = TypeVar("Returned")

MOST_EVENTS = 20
LONGEST_SUBJECT = 255
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
    """Earlier results by the row's name, each loaded on first use. Siblings that run side by side are not visible.

    Of an `each`, by its name or its step's, it is the list of its items' results, `FAILED` where one failed; of a wait
    or an approval that went on without an answer `TIMED_OUT`; of a row that was skipped None.
    """

    def __init__(self, saga_id: UUID, definition: Definition, path: str, ends: float, known: set[str]) -> None:
        self._definition = definition
        self._path = path
        self._saga_id = saga_id
        self._ends = ends
        self._known = known
        self._loaded: dict[str, Any] = {}

    @cached_property
    def _places(self) -> Mapping[str, Place]:
        here = self._definition.places[self._path]
        earlier = (place for place in self._definition.walk() if place.top < here.top)
        return {place.path: place for place in earlier if not isinstance(place.row, Parallel)}

    def __getitem__(self, name: str) -> Any:
        if name not in self._places:
            raise KeyError(f"{name!r} is not a row before this one; there are: {', '.join(self._places) or 'none'}.")
        if name not in self._loaded:
            self._loaded[name] = _patiently(lambda: self._load(self._places[name]), until=self._ends)
        return self._loaded[name]

    def _load(self, place: Place) -> Any:
        path = place.row.step.name if isinstance(place.row, Each) else place.path
        runs = Run.objects.filter(saga_id=self._saga_id, path=path).only("result", "state", "loser").order_by("item")
        results = [_result_of(run, self._known) for run in runs]
        if isinstance(place.row, Each) or _is_item(place, self._places):
            return results
        return results[0] if results else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _result_of(run: Run, known: set[str]) -> Any:
    if run.state == StepState.TIMED_OUT:
        return TIMED_OUT
    return FAILED if run.loser else unpack(run.result, known)


def _is_item(place: Place, places: Mapping[str, Place]) -> bool:
    return bool(place.groups) and place.groups[-1] in places


@dataclass(frozen=True, kw_only=True)
class Context:
    """One attempt, as the team's function sees it.

    `input` is the saga's input as the definition's pydantic model, `key` the idempotency key of this attempt,
    `attempt` its number from 1. In the step of an `each`, `item` is its item, as JSON, and `index` its place from 0.
    """

    input: Any
    key: str
    attempt: int
    saga: SagaInfo
    results: Results
    action: Action
    item: Any = None
    index: int = 0
    known: set[str] = field(default_factory=set, repr=False)
    """The secrets that were opened for it, as texts: what it says and returns must not repeat them to everybody."""
    _claim: Claim = field(repr=False)
    _facts: list[Fact] = field(default_factory=list, repr=False)

    @property
    def published(self) -> tuple[Fact, ...]:
        """What was published so far."""
        return tuple(self._facts)

    def publish(self, type: str, data: Any = None, *, subject: str = "") -> None:  # noqa: A002 - CloudEvents' word
        """Tell the world something, with the step's success: in the transaction that records it, or not at all.

        What an attempt published that fails, or whose worker is taken for dead, is not told. `type` is words joined by
        dots, such as "stock.reserve"; `data` is JSON; `subject` is what it is about, else the saga. Targets that take
        the type are named in the settings. Raises `ValueError` for a type, data or a number of events that cannot be.
        """
        if self._claim.run.doing == Doing.DECISION:
            raise RuntimeError("A function that only answers a question cannot publish; do that in a step.")
        if len(self._facts) >= MOST_EVENTS:
            raise ValueError(f"An attempt publishes at most {MOST_EVENTS} events; put what belongs together into one.")
        if len(subject) > LONGEST_SUBJECT or text(subject, LONGEST_SUBJECT) != subject:
            raise ValueError(f"The subject has at most {LONGEST_SUBJECT} characters, without U+0000.")
        self._facts.append(
            Fact(type=check_type(type), data=shown(pack(data, self.known)), subject=scrubbed(subject, self.known))
        )

    def result(self, function: Callable[..., Returned]) -> Returned:
        """The result of an earlier step by its function, and of that function's type.

        What is stored is JSON: a pydantic model or a dataclass comes back as a dict.
        """
        places = self._claim.definition.places
        steps = {name: place.row for name, place in places.items() if isinstance(place.row, Step)}
        named = (name for name, step in steps.items() if unwrap(step.action) is unwrap(function))
        name = next(named, function.__name__)
        found: Returned = self.results[name]
        return found

    def heartbeat(self, progress: Any = None) -> None:
        """Tell that the attempt lives; `progress`, small JSON, is shown to people.

        Raises `TurnedBack` when the saga was turned back meanwhile: stop then.
        """
        self._only_in_a_remote_step("send a heartbeat")
        claim = self._claim
        _patiently(lambda: renew(claim.run, claim.step.heartbeat, progress, self.known), until=claim.ends)

    def signal_url(self, name: str) -> str:
        """An address of our own for a participant to call back, once: what it POSTs is the saga's signal of that name.

        It is the same on every attempt, so that a repeated request is the same request.
        """
        return signal_url(self.saga.id, name, self.action.key)

    def service(self, name: str) -> Service:
        """A participant by its name in the settings, called within this attempt's time under its idempotency key.

        Raises `Denied` for a name that the settings do not have.
        """
        self._only_in_a_remote_step("call a service")
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

    def _only_in_a_remote_step(self, wish: str) -> None:
        run, row = self._claim.run, self._claim.row
        if run.doing == Doing.DECISION:
            raise RuntimeError(f"A function that only answers a question cannot {wish}; do that in a step.")
        if isinstance(row, Step) and row.local:
            raise RuntimeError(f"A local step holds a transaction, so it cannot {wish}; do that in a step of its own.")

    def _time_left(self) -> float:
        claim = self._claim
        left = claim.ends - time.monotonic()
        spent = (claim.step.timeout.total_seconds() if claim.step.timeout else 0) - left
        if spent > FRESH and claim.run.doing != Doing.COMPENSATION:
            _patiently(lambda: confirm(claim.run), until=claim.ends)
        return claim.ends - time.monotonic()


def context_of(claim: Claim) -> Context:
    """The context of a claimed attempt. Raises pydantic's `ValidationError` when today's code cannot read the input."""
    saga, run, model = claim.saga, claim.run, claim.definition.input
    known: set[str] = set()
    given = unpack(_input_of(claim), known)
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
        results=Results(saga.id, claim.definition, run.path, claim.ends, known),
        action=Action(
            key=run.action_key,
            result=unpack(run.result if run.result is not None else late, known),
            happened=Happened(run.happened),
        ),
        item=unpack(run.given, known) if run.kind == Run.Kind.STEP else None,
        index=run.item,
        known=known,
        _claim=claim,
    )


def _input_of(claim: Claim) -> Any:
    """The input that the run was begun with: an operator's edit is for later steps."""
    if claim.run.input_rev == claim.saga.input_rev:
        return claim.saga.input
    revisions = Revision.objects.filter(saga_id=claim.saga.pk).values_list("input", flat=True)
    return _patiently(lambda: revisions.get(rev=claim.run.input_rev), until=claim.ends)


def _patiently(ask: Callable[[], Returned], *, until: float) -> Returned:
    """What the database says. While it does not answer, the attempt waits, and has not failed."""
    until = min(until, time.monotonic() + conf().database_patience.total_seconds())
    pause = 0.1
    while True:
        try:
            with borrowed():
                return ask()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
