"""People and senders of signals: each verb is an actor of its own, and what it was answered is kept for the judge.

cancel 0 · compensate 0 · pause 0 · resume 0 · retry 0 · give_up 0        of the saga with that number
signal 0 paid 1          the signal with that id            decide 0 boss yes
hold 0 900 · canary 0 · release 0 10      the participant, for so many seconds; so many steps a second
skip 0 s3 0 · resolve 0 s3 0 · waive 0 s3 0                 that step, and its item
reschedule 0 s3 0 -60    that clock, to so many seconds from now
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import OperationalError

from sagas import operations
from sagas.errors import DefinitionUnknown, InvalidInput, NotAllowed, NotFound
from sagas.models import Incident, Run, Saga
from sagas.operations import holding
from sagas.operations.facts import resolvable
from sagas.words.plan import Undo
from tests.sagas.tables import CALLED
from tests.schedules.actors import Actor
from tests.schedules.watch import Broken

if TYPE_CHECKING:
    from tests.schedules.stage import Stage

MOST = 2
"""So many people at once."""
REFUSED = (NotAllowed, InvalidInput, NotFound, DefinitionUnknown)


@dataclass(kw_only=True)
class Asked:
    """What somebody asked for, and the answer: "done", why not, or "" when no answer came."""

    verb: str
    saga: UUID
    about: dict[str, Any] = field(default_factory=dict)
    answer: str = ""


class People:
    """All who come by REST or the console."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self.actors: list[Actor] = []
        self.asked: list[Asked] = []
        self._asking: dict[Actor, Asked] = {}

    def begin(self, verb: str, number: str = "0", *about: str) -> Actor | None:
        """Somebody begins to ask for it."""
        sagas = list(Saga.objects.order_by("pk").values_list("pk", flat=True))
        free = [name for name in (f"p{place}" for place in range(MOST)) if all(a.name != name for a in self.actors)]
        if not free or int(number) >= len(sagas):
            return None
        asked = Asked(verb=verb, saga=sagas[int(number)])
        actor = self._stage.machine.actor(free[0], lambda: self._ask(asked, about))
        self.actors.append(actor)
        self._asking[actor] = asked
        self.asked.append(asked)
        return actor

    def heard(self, actor: Actor) -> None:
        """The answer came, or the web process died before."""
        asked = self._asking.pop(actor)
        match actor.error:
            case None:
                asked.answer = "" if actor.crashed else str(actor.result)
            case NotAllowed(code=code):
                asked.answer = code
            case InvalidInput() | NotFound() | DefinitionUnknown():
                asked.answer = "invalid"
            case OperationalError() if actor.was_cut:
                asked.answer = ""
            case error:
                raise Broken(f"{asked.verb} raised {type(error).__name__}: {error}") from error
        self._stage.seen[f"{asked.verb}: {asked.answer or 'no answer'}"] += 1

    def _ask(self, asked: Asked, about: tuple[str, ...]) -> str:
        """Do it, in the actor's own thread."""
        match asked.verb:
            case "order":
                self._stage.order(about[0])
                return "done"
            case "signal":
                asked.about = {"name": about[0], "id": about[1]}
                operations.signal(asked.saga, about[0], {"n": about[1]}, actor="bank", id=about[1])
                return "done"
            case "hold" | "canary" | "release":
                self._ask_of_all(asked.verb, *about)
                return "done"
            case "decide":
                asked.about = {"step": about[0], "approved": about[1] == "yes"}
            case "reschedule":
                at = self._stage.machine.now() + timedelta(seconds=int(about[2]))
                asked.about = {"step": about[0], "item": int(about[1]), "at": at}
            case "skip" | "resolve" | "waive":
                asked.about = {"step": about[0], "item": int(about[1])}
                if not self._finds_out(asked):
                    return "look away"
        getattr(operations, asked.verb)(asked.saga, actor="somebody", reason="because", **asked.about)
        return "done"

    def _ask_of_all(self, verb: str, number: str = "") -> None:
        """What concerns no saga alone."""
        about: dict[str, Any] = {}
        if verb == "hold" and number:
            about["until"] = self._stage.machine.now() + timedelta(seconds=int(number))
        if verb == "release" and number:
            about["rate"] = int(number)
        getattr(holding, verb)(CALLED, actor="somebody", reason="because", **about)

    def _finds_out(self, asked: Asked) -> bool:
        """A person looks at the participant before saying what is there, and sees to it that it stays so."""
        step, item = asked.about["step"], asked.about["item"]
        run = Run.objects.filter(saga_id=asked.saga, path=step, item=item).first()
        if run is None:
            return False
        ledger = self._stage.ledger
        if asked.verb == "resolve":
            if not Run.objects.filter(resolvable(), pk=run.pk).exists():
                return False
            asked.about["landed"] = run.action_key in ledger.there
            if not asked.about["landed"]:
                ledger.closed.add(run.action_key)
        if asked.verb == "waive":
            late = Incident.objects.open().filter(run=run, reason="late_success").exists()
            if run.undo != Undo.STUCK and not late:
                return False
            ledger.undo_by_hand(run.action_key)
        return True
