"""What is done to a saga in a story: signals, decisions, and every verb of an operator."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from sagas import operations
from sagas.record import clock
from sagas.words.results import UNCHANGED

if TYPE_CHECKING:
    from sagas.testing.world import World

OPERATOR = "an operator"
WHY = "The story wants it."


class Verbs:
    """The verbs of `sagas.operations`, in the third person; each raises what its verb raises.

    Before each the saga goes on as far as it does by itself.
    """

    id: UUID
    world: "World"

    def settles(self) -> None:
        """Go on until nothing happens by itself."""
        raise NotImplementedError

    def receives(self, signal: str, payload: Any = None, *, id: str | None = None, early: bool = False) -> None:  # noqa: A002
        """The outside tells it something; `early`: before the saga goes on with what it is at."""
        if not early:
            self.settles()
        with self.world.lit():
            operations.signal(self.id, signal, payload, actor="the outside", id=id)

    def decides(self, step: str, approved: bool, *, form: Any = None, reason: str = WHY, by: str = OPERATOR) -> None:
        """A person says yes or no."""
        self._do("decide", step=step, approved=approved, form=form, reason=reason, actor=by)

    def cancels(self, *, reason: str = WHY) -> None:
        """Someone cancels it."""
        self._do("cancel", reason=reason)

    def turns_back(self, *, reason: str = WHY) -> None:
        """Someone turns it back (the verb `compensate`)."""
        self._do("compensate", reason=reason)

    def pauses(self, *, reason: str = WHY) -> None:
        """Someone pauses it."""
        self._do("pause", reason=reason)

    def resumes(self, *, reason: str = WHY) -> None:
        """Someone lets it go on."""
        self._do("resume", reason=reason)

    def retries(
        self, step: str | None = None, *, item: int | None = None, input: Any = UNCHANGED, reason: str = WHY
    ) -> None:
        """Someone has what needs a person, or waits for its next try, tried now."""
        self._do("retry", step=step, item=item, input=input, reason=reason)

    def resolves(self, step: str, *, landed: bool, item: int = 0, result: Any = None, reason: str = WHY) -> None:
        """Someone says whether a step in doubt has happened."""
        self._do("resolve", step=step, landed=landed, item=item, result=result, reason=reason)

    def skips(self, step: str, *, item: int = 0, result: Any = None, reason: str = WHY) -> None:
        """Someone lets it go on without that step."""
        self._do("skip", step=step, item=item, result=result, reason=reason)

    def waives(self, step: str, *, item: int = 0, reason: str = WHY) -> None:
        """Someone says that a compensation was done by hand."""
        self._do("waive", step=step, item=item, reason=reason)

    def reschedules(self, step: str | None = None, *, by: timedelta, item: int = 0, reason: str = WHY) -> None:
        """Someone moves a clock to that much from now; without a step, the deadline."""
        self.settles()
        with self.world.lit():
            at: datetime = clock.now() + by
        self._do("reschedule", step=step, item=item, at=at, reason=reason)

    def gives_up(self, *, reason: str = WHY) -> None:
        """Someone gives it up."""
        self._do("give_up", reason=reason)

    def clones(self, *, input: Any = UNCHANGED, confirm_effects: bool = False, reason: str = WHY) -> Self:
        """Someone begins a new saga like it; the story of that one, by the same script."""
        self.settles()
        with self.world.lit():
            begun = operations.clone(
                self.id, actor=OPERATOR, reason=reason, input=input, confirm_effects=confirm_effects
            )
        return self._of(begun.saga.pk)

    def _of(self, saga_id: UUID) -> Self:
        raise NotImplementedError

    def _do(self, verb: str, *, actor: str = OPERATOR, **about: Any) -> None:
        self.settles()
        with self.world.lit():
            getattr(operations, verb)(self.id, actor=actor, **about)
