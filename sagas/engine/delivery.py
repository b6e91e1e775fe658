"""Claim, call, record, move on."""

import logging
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError

from sagas.conf import conf
from sagas.engine import observing
from sagas.engine.alarm import alarm
from sagas.engine.context import Context, context_of
from sagas.engine.decisions import decide
from sagas.engine.dispatch import ring
from sagas.engine.local import in_a_savepoint, is_conflict
from sagas.engine.places import place_of
from sagas.errors import Abort, Denied, NothingThere, RetryLater, SagaError, Unknown, words_of
from sagas.record import attempts
from sagas.record.attempts import Claim, Heard, Recorded
from sagas.record.payload import Unstorable as CannotStore
from sagas.record.payload import pack
from sagas.record.sealing import scrubbed
from sagas.words import boundaries
from sagas.words.outcome import Absent, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable, Wrong
from sagas.words.verdict import Doing

CONFLICTS = 10
"""How often a local step is done again at once after a conflict of transactions."""

logger = logging.getLogger(__name__)
Found = TypeVar("Found")


def deliver(run_id: int, fence: int, worker: UUID, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Run a due step, and go straight on with what follows, for one slice; how many attempts that were.

    Safe to call with anything, any number of times: a run that is not due under that fence is left alone.
    """
    claimed = _claim(run_id, fence, worker)
    if isinstance(claimed, Heard):
        ring(claimed.bells)
        return 1
    if claimed is None:
        return 0
    observing.taken(claimed)
    with observing.slice_of(claimed):
        return _go_through(claimed, worker, stopping)


def _go_through(first: Claim, worker: UUID, stopping: Callable[[], bool]) -> int:
    held: Claim | None = first
    slice_ends, steps = time.monotonic() + conf().slice_time.total_seconds(), 0
    while held is not None:
        with observing.attempt(held):
            outcome = None if _is_local(held) else call(held)
            steps += 1
            go_on = steps < conf().slice_steps and time.monotonic() < slice_ends and not stopping()
            recorded = _record_local(held, worker, go_on) if outcome is None else _record(held, outcome, worker, go_on)
        ring(recorded.bells)
        held = recorded.next
    return steps


def _is_local(held: Claim) -> bool:
    return held.run.doing != Doing.DECISION and held.step.local


def call(held: Claim) -> Outcome:
    """Call the team's function; no transaction is open and no connection held. What it came to, as a value."""
    began = time.monotonic()
    outcome = _call(held)
    observing.came_to(held, outcome, time.monotonic() - began)
    return outcome


def _call(held: Claim) -> Outcome:
    try:
        context = context_of(held)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # the model's own checks may raise anything
        sentence = f"The input does not fit today's definition: {words_of(error)}"
        return ShutOut(error=sentence, code="input_unreadable")
    outcome = _called(held, context)
    return _discreet(outcome, context.known) if context.known else outcome


def _called(held: Claim, context: Context) -> Outcome:
    if held.run.doing == Doing.DECISION:
        return _decide(held, context)
    function = function_of(held)
    if function is None:
        return ShutOut(error=f"{held.run.path} has no function for its {held.run.doing} any more.", code="no_function")
    try:
        boundaries.passed("calling")
        with alarm(held.ends - time.monotonic()):
            result, raised = function(context), None
    except Exception as error:
        if _is_local(held) and is_conflict(error):
            raise
        raised = error
    # Not while it is handled: a log that cannot be written prints whatever is, and this may quote a secret.
    if raised is not None:
        logger.debug("%s raised", held.run, exc_info=None if context.known else raised)
    boundaries.passed("called")
    if raised is not None:
        return _failed(Doing(held.run.doing), raised, context.known, function)
    return _succeeded(Doing(held.run.doing), result, context)


def _discreet(outcome: Outcome, known: Collection[str]) -> Outcome:
    """What it says without the secrets that the function knew."""
    if isinstance(outcome, Succeeded):
        return outcome
    return replace(outcome, error=scrubbed(outcome.error, known), code=scrubbed(outcome.code, known))


def function_of(held: Claim) -> Callable[[Any], Any] | None:
    """What this attempt calls."""
    step = held.step
    by_doing = {Doing.ACTION: step.action, Doing.PROBE: step.probe, Doing.COMPENSATION: step.compensation}
    return by_doing[Doing(held.run.doing)]


def _decide(held: Claim, context: Context) -> Outcome:
    try:
        boundaries.passed("deciding")
        with alarm(held.ends - time.monotonic()):
            decided = decide(held, context)
    except Unknown as error:
        return Wrong(error=f"The functions of {held.run.path} did not come back in time.", code=error.code)
    boundaries.passed("decided")
    return decided


def _succeeded(doing: Doing, result: object, context: Context) -> Outcome:
    published = context.published
    try:
        packed = pack(result, context.known)
    except CannotStore as error:
        return Unstorable(error=f"It was done, but its result cannot be stored: {error}", published=published)
    if doing is Doing.PROBE:
        return Probed(landed=True, result=packed, published=published)
    return Succeeded(result=packed, published=published)


def _failed(doing: Doing, error: Exception, known: Collection[str], function: Callable[[Any], Any]) -> Outcome:
    said = words_of(error) or type(error).__name__
    code = str(error.code) if isinstance(error, SagaError) else type(error).__name__
    if doing is Doing.PROBE:
        return Probed(landed=False if isinstance(error, Abort) else None, error=said, code=code)
    match error:
        case Abort(done=done) if done is not Abort.NOTHING:
            return _partly(said, code, done, known)
        case Abort():
            return Refused(error=said, code=code)
        case RetryLater(after=after):
            return NotNow(error=said, code=code, after=after if isinstance(after, timedelta) else None)
        case Denied():
            return ShutOut(error=said, code=code)
        case NothingThere():
            return Absent(error=said, code=code) if doing is Doing.COMPENSATION else Refused(error=said, code=code)
    if isinstance(error, SagaError):
        return Lost(error=said, code=code)
    return Lost(error=f"{type(error).__name__}{place_of(error, function)}: {said}", code=code)


def _partly(said: str, code: str, done: object, known: Collection[str]) -> Outcome:
    try:
        return Refused(error=said, code=code, partly=True, done=pack(done, known))
    except CannotStore as error:
        return Refused(error=f"{said} (what was done cannot be stored: {error})", code=code, partly=True)


def _claim(run_id: int, fence: int, worker: UUID) -> Claim | Heard | None:
    """A claim whose commit lost its answer may be ours all the same: the journal names its token."""
    token, lost = secrets.token_hex(8), False

    def attempt() -> Claim | Heard | None:
        nonlocal lost
        again, lost = lost, True
        found = attempts.claim(run_id, fence, worker, token)
        return found or (attempts.claimed_before(run_id, fence, worker, token) if again else None)

    return _patiently(attempt)


def _record(held: Claim, outcome: Outcome, worker: UUID, go_on: bool) -> Recorded:
    lost = False

    def attempt() -> Recorded:
        nonlocal lost
        again, lost = lost, True
        return attempts.record(held, outcome, worker, go_on=go_on, repeated=again)

    return _patiently(attempt)


def _record_local(held: Claim, worker: UUID, go_on: bool) -> Recorded:
    """The function and its record in one transaction; what other transactions spoiled is done again at once."""
    lost = False

    def attempt() -> Recorded:
        nonlocal lost
        again, lost = lost, True
        for _ in range(CONFLICTS):
            try:
                return attempts.record_local(
                    held, partial(in_a_savepoint, held, call), worker, go_on=go_on, repeated=again
                )
            except OperationalError as error:
                if not is_conflict(error):
                    raise
        spoiled = NotNow(error="Other transactions spoiled it again and again.", code="conflict")
        return attempts.record(held, spoiled, worker, go_on=go_on)

    return _patiently(attempt)


def _patiently(attempt: Callable[[], Found]) -> Found:
    """Try until the database answers, up to the setting's patience; then let the sweep find what is left."""
    until, pause = time.monotonic() + conf().database_patience.total_seconds(), 0.1
    while True:
        try:
            return attempt()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause > until:
                raise
            logger.warning("The database does not answer (%s); trying again.", str(error).strip())
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
