"""A saga taken to its end by itself: what it waits for is answered, and clocks are let run out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from sagas import operations
from sagas.errors import InvalidInput, NotAllowed
from sagas.models import Run, Saga, Work
from sagas.record import clock
from sagas.testing.failure import StoryFailed
from sagas.testing.story import Story
from sagas.words.results import TIMED_OUT
from sagas.words.rows import Approval, Wait

FARTHEST = 200
"""So many clocks run out at most on one journey."""

Answers = Mapping[str, Any]


def travel(story: Story, answers: Answers) -> None:
    """Take the saga as far as it comes: to its end, or to where it needs a person.

    `answers` says what comes for a wait (its payload) or an approval (True, False, or {"approved": …, "form": …}), by
    the row's name; `TIMED_OUT` is no answer. What is not named gets None, an approval a yes.
    """
    for _ in range(FARTHEST):
        story.settles()
        if _answer_one(story, answers):
            continue
        family = _family(story)
        if all(saga.ended_at or saga.open_incidents for saga in family) or family[0].ended_at:
            return
        at = story.world.next()
        if at is None:
            return
        with story.world.lit():
            now = clock.now()
        story.later(at - now)
    raise StoryFailed(f"It does not come to its end.\n\n{story.timeline()}")


@contextmanager
def forgotten() -> Iterator[None]:
    """What is played within this context is not in the database afterwards."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def family(saga: Saga) -> list[Saga]:
    """The saga and all below it, parents first."""
    found = [saga]
    for one in found:
        found += Saga.objects.filter(parent__saga=one).order_by("created_at")
    return found


def _family(story: Story) -> list[Saga]:
    return family(story.saga)


def _answer_one(story: Story, answers: Answers) -> bool:
    tables = story.tables
    for saga in _family(story):
        waiting = Run.objects.filter(saga=saga, work=Work.WAITING, kind__in=[Run.Kind.WAIT, Run.Kind.APPROVAL])
        for run in waiting.order_by("id"):
            row = tables[saga.definition].places[run.path].row
            default = True if isinstance(row, Approval) else None
            given = answers.get(run.path, default)
            if given is not TIMED_OUT:
                _tell(story, run, row, given)
                return True
    return False


def _tell(story: Story, run: Run, row: Any, given: Any) -> None:
    """Say it until it is heard: whoever says it dies when this process does, and says it again."""

    def signal() -> None:
        operations.signal(run.saga_id, row.signal, given, actor="the outside", id=f"journey-{run.pk}")

    def decide() -> None:
        said = given if isinstance(given, Mapping) else {"approved": given}
        try:
            operations.decide(run.saga_id, step=run.path, actor="an operator", reason="The journey goes on.", **said)
        except NotAllowed as error:
            if error.code != "decided":
                raise

    with story.telling(), story.world.lit():
        try:
            story.world.dying(signal if isinstance(row, Wait) else decide)
        except InvalidInput as error:
            wrong = "; ".join(f"{fault['pointer']} {fault['detail']}" for fault in error.errors)
            sentence = (
                f"{run.path} does not take {given!r} ({wrong}); say what comes for it: answers={{{run.path!r}: …}}."
            )
            raise InvalidInput(sentence, errors=error.errors) from None
        if Run.objects.filter(pk=run.pk, fence=run.fence, work=Work.WAITING).exists():
            raise StoryFailed(f"{run.path} did not take its answer.\n\n{story.timeline()}")
