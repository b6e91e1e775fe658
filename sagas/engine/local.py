"""Local steps: a team's function in the coordinator's own database, in the transaction that records it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from django.db import OperationalError, connection, connections, transaction

from sagas.conf import conf
from sagas.record.attempts import Claim
from sagas.words.outcome import Outcome, Succeeded, Unstorable

CONFLICTS = {"40001", "40P01"}
"""Serialization failure and deadlock, as PostgreSQL numbers them."""


class _Undo(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def in_a_savepoint(held: Claim, call: Callable[[Claim], Outcome]) -> Outcome:
    """Call the function; whatever is not a success leaves nothing behind.

    Raises what the database raises for a conflict of transactions.
    """
    try:
        with only_this_database(held.run.path), transaction.atomic():
            with _may_idle(timedelta(seconds=held.ends - time.monotonic()) + conf().lease_margin):
                outcome = call(held)
            if not isinstance(outcome, Succeeded | Unstorable):
                raise _Undo(outcome)
            return outcome
    except _Undo as undo:
        return undo.outcome


@contextmanager
def _may_idle(rest: timedelta) -> Iterator[None]:
    """A function that computes leaves its transaction idle, for as long as its attempt lasts and no longer.

    Nothing of the saga is locked meanwhile. What comes after it locks the saga, and may idle as little as usual; after
    an exception the savepoint's end sees to that.
    """
    if connection.vendor != "postgresql":
        yield
        return
    usual = _idle_for(f"{max(int(rest.total_seconds() * 1000), 1)}ms")
    yield
    _idle_for(usual)


def _idle_for(most: str) -> str:
    """Let this transaction idle for so long at most; how long it was until now."""
    name = "idle_in_transaction_session_timeout"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, most])
        return str(cursor.fetchone()[0])


def is_conflict(error: BaseException) -> bool:
    """Did another transaction spoil this one, so that doing it again will help?"""
    cause = getattr(error, "__cause__", None)
    return isinstance(error, OperationalError) and getattr(cause, "sqlstate", None) in CONFLICTS


@contextmanager
def only_this_database(path: str) -> Iterator[None]:
    """What is written to another database is not part of the transaction, so it is refused."""

    def refuse(execute: object, sql: object, *args: Any) -> NoReturn:
        raise RuntimeError(
            f"{path} is local=True but uses another database; its models must live on {connection.alias!r}, "
            "or it must be a step that is not local."
        )

    with ExitStack() as stack:
        for other in connections.all():
            if other.alias != connection.alias:
                stack.enter_context(other.execute_wrapper(refuse))
        yield
