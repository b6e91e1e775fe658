"""The barrier: one row for each key, in the transaction of the effect.

| arrives                            | finds                          | so                                    |
|------------------------------------|--------------------------------|---------------------------------------|
| action                             | no row under its key           | first: the effect happens             |
| action again                       | its row                        | the kept answer is given again        |
| action, late or again              | its row, closed                | `ActionClosed`                        |
| compensation                       | the action's row, open         | first: the effect is undone, closed   |
| compensation                       | no row of the action           | nothing to undo, the action is closed |
| compensation again                 | its own row                    | the kept answer is given again        |
| another compensation of the action | the action's row, still open   | first: the effect is undone, closed   |
| another compensation of the action | the action's row, closed       | nothing left to undo, the other's answer |

Two requests with one key at the same time: the second one's insert waits until the first one's transaction has ended,
and then finds its row, or none if it was rolled back. Both orders lock the action's key before anything of the
participant's own, so that an action and its compensation cannot deadlock as long as the barrier is entered first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connections, router, transaction

from sagas.participant.models import KEY_LENGTH, Barrier, Kind


class ActionClosed(Exception):
    """Raised when an action comes after its compensation. Answer 410: it has no effect in place, and never will."""

    def __init__(self, key: str) -> None:
        super().__init__(f'The action "{key}" came after its compensation and is not carried out.')
        self.key = key


@dataclass
class Passage:
    """What the barrier says of this request.

    `first` is true when the effect (or the undoing of it) is to happen now. `answer` is what was kept under the key,
    JSON; `None` when nothing was kept, as for a compensation that found nothing to undo.
    """

    first: bool
    answer: Any = None
    kept: bool = False

    def keep(self, answer: Any) -> None:
        """Remember the answer (JSON), so that a repetition of this request is given it again."""
        self.answer, self.kept = answer, True


@contextmanager
def participant_barrier(
    key: str, kind: Literal["action", "compensation"], *, action_key: str | None = None, using: str | None = None
) -> Iterator[Passage]:
    """Let the effect of `key` happen at most once, and never after its compensation. Enter it before your own locks.

    `key` is the request's `Idempotency-Key`. A compensation also names the action that it undoes: `action_key`, the
    request's `Saga-Action-Key`. Raises `ActionClosed` for an action that was compensated before it came. An exception
    that leaves the block takes the row and the effect back with it: a refusal is not remembered, the request may come
    again. `using` names the database of the effect, when it is not the one that your router picks.
    """
    database = using or router.db_for_write(Barrier)
    _must_be_usable(key, "Idempotency-Key")
    if not connections[database].in_atomic_block:
        raise transaction.TransactionManagementError(
            "participant_barrier() only protects an effect that is committed together with it: enter it inside "
            f'transaction.atomic(using="{database}"), around the effect.'
        )
    # A savepoint, so that a view which catches the exception of a refusal does not commit the row without the effect.
    with transaction.atomic(using=database):
        match kind:
            case "action":
                passage = _enter_action(key, database)
            case "compensation":
                _must_be_usable(action_key, "Saga-Action-Key")
                passage = _enter_compensation(key, str(action_key), database)
            case _:
                raise ValueError(f'A barrier is entered as "action" or "compensation", not as "{kind}".')
        yield passage
        if passage.kept:
            Barrier.objects.using(database).filter(key=key).update(answer=passage.answer)


def _enter_action(key: str, database: str) -> Passage:
    row, created = Barrier.objects.using(database).get_or_create(key=key, defaults={"kind": Kind.ACTION})
    if created:
        return Passage(first=True)
    if row.closed_by or row.kind != Kind.ACTION:
        raise ActionClosed(key)
    return Passage(first=False, answer=row.answer)


def _enter_compensation(key: str, action_key: str, database: str) -> Passage:
    if key == action_key:
        raise ValueError(
            f'The compensation of "{action_key}" needs a key of its own, or it cannot be told from the action.'
        )
    rows = Barrier.objects.using(database)
    own, created = rows.get_or_create(key=key, defaults={"kind": Kind.COMPENSATION})
    if not created:
        return Passage(first=False, answer=own.answer)
    _, closed_now = rows.get_or_create(key=action_key, defaults={"kind": Kind.ACTION, "closed_by": key})
    if closed_now:
        return Passage(first=False)
    # Another compensation of the same action may be doing this: the guard waits for it and then matches nothing.
    if rows.filter(key=action_key, closed_by="").update(closed_by=key):
        return Passage(first=True)
    earlier = rows.get(key=rows.filter(key=action_key).values("closed_by")[:1])
    return Passage(first=False, answer=earlier.answer, kept=True)


def _must_be_usable(key: str | None, header: str) -> None:
    if not key:
        raise ValueError(f"The barrier needs the key that the request carries in its {header} header.")
    if len(key) > KEY_LENGTH:
        raise ValueError(f"A key has at most {KEY_LENGTH} characters; the one in {header} has {len(key)}.")
