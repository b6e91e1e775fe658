"""One row's part of the history, and what the rules make of it alone."""

from typing import Any, NamedTuple

from sagas.words.outcome import Absent, Happened, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable
from sagas.words.rows import Approval, Child, Group, Leaf, Step, Wait
from sagas.words.verdict import Doing

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES
DECISION, ACTION, PROBE, COMPENSATION = Doing.DECISION, Doing.ACTION, Doing.PROBE, Doing.COMPENSATION


class Fact(NamedTuple):
    """One entry of the history.

    What the world does: claimed, came to, late, signal, answered, clock, child is, news, and what people do: retried,
    resolved, skipped, waived, cancelled, turned, paused, resumed, given up, reopened, deadline.
    What the saga does about it: opened, took, dropped, held, committed, turned back, told (a child), demanded (a
    compensation, under its n-th key), stuck, ended.
    """

    kind: str
    row: str = ""
    doing: Doing | None = None
    outcome: Outcome | None = None
    number: int = 0
    how: str = ""


class Story:
    """What the history says of one row of the table, or of one item; `apply` tells it the next fact.

    fate    not begun, due, running, waiting, entered (a group), passed, failed, held, over (it does not count)
    back    none, owed, due, running, stuck, done, waived
    """

    def __init__(self, row: Leaf | Group, path: str) -> None:
        self.row, self.path = row, path
        self.fate, self.next = "not begun", ACTION
        self.known = NO
        self.tries = self.asks = self.deaths = self.items = self.key = 0
        self.generation = 1
        self.back = "none"
        self.key_used = self.once_more = self.landed_late = self.after_the_end = False
        self.going_back = self.committed = self.lost = self.paused = self.asleep = False
        self.has_answer = self.no_answer = self.gave_up = False
        self.kept = self.unstorable = self.heard_stuck = self.told_a_person = False
        self.trouble = self.back_trouble = False
        self.started = 0
        self.child = ""

    def apply(self, fact: Fact) -> None:
        self.landed_late = False
        handler = getattr(self, "_on_" + fact.kind.replace(" ", "_"), None)
        if handler is not None:
            handler(fact)
        if self.fate in ("passed", "failed", "over"):
            self.trouble = self.told_a_person = False
        elif self.fate == "held" or self.told_a_person:
            self.trouble = True
        if self.back in ("stuck", "done", "waived"):
            self.back_trouble = self.back == "stuck"

    @property
    def in_flight(self) -> bool:
        """Is its forward side under way: an attempt, or a child?"""
        return self.fate == "running" or (self.fate == "waiting" and isinstance(self.row, Child) and not self.asleep)

    @property
    def at_rest(self) -> bool:
        return self.fate in ("passed", "failed", "over", "not begun")

    @property
    def is_over(self) -> bool:
        """Does nothing come of it any more by itself?"""
        return self.at_rest and self.back not in ("due", "running", "stuck")

    @property
    def seen(self) -> Happened:
        """What is known while an attempt is under way: it may be happening."""
        acting = self.fate == "running" and self.next is ACTION and not getattr(self.row, "local", False)
        return MAYBE if acting and self.known == NO else self.known

    @property
    def spared(self) -> bool:
        return self.back == "owed" and self.known == NO and not self.in_flight and (self.going_back or self.lost)

    @property
    def unsettled(self) -> bool:
        return self.in_flight or (self.back in ("owed", "due", "running", "stuck") and not self.spared)

    def _on_opened(self, fact: Fact) -> None:
        if self.row.asks:
            self.fate, self.next = "due", DECISION
        else:
            self.fate = "due" if isinstance(self.row, Step) else "waiting"

    def _on_claimed(self, fact: Fact) -> None:
        doing = fact.doing or ACTION
        if doing is COMPENSATION:
            self.back, self.key_used, self.tries = "running", True, self.tries + 1
            self.after_the_end = False
            return
        self.fate, self.next = "running", doing
        self.tries += doing is ACTION
        self.asks += doing is PROBE
        if doing is not DECISION:
            self._start(fact.number)

    def _start(self, number: int) -> None:
        self.started = self.started or number
        if self.back == "none" and not isinstance(self.row, Group) and self._owes():
            self.back = "owed"

    def _owes(self) -> bool:
        if isinstance(self.row, Child):
            return not self.row.no_compensation
        return isinstance(self.row, Step) and self.row.compensation is not None and not self.row.reads_only

    def _on_came_to(self, fact: Fact) -> None:
        outcome = fact.outcome
        self.deaths = self.deaths + 1 if isinstance(outcome, Lost) and outcome.died else 0
        if fact.doing is COMPENSATION:
            self.back = self._undone(outcome)
            if self.once_more and self.back == "stuck":  # it spoke of what was there before more landed
                self.back = "due"
        elif fact.doing is DECISION:
            self._decide(outcome, fact.number)
        else:
            self._learn(outcome, fact.doing)
            self.fate = "over" if self.going_back or self.lost else self._fate_after(outcome, fact.doing)
            self.unstorable = isinstance(outcome, Unstorable)

    def _decide(self, outcome: Outcome | None, number: int) -> None:
        if self.deaths >= 3:
            self.fate = "held"
        elif isinstance(outcome, Refused):
            self.fate, self.no_answer = self._refused(), self.has_answer
        elif isinstance(outcome, NotNow | Lost):
            self.fate = "due" if isinstance(outcome, NotNow) or outcome.died else "held"
        elif not isinstance(outcome, Succeeded):
            self.fate = "held"
        elif "result" in outcome.result or not outcome.result["taken"]:
            self.fate = "passed"
        else:
            self._enter(outcome.result, number)

    def _enter(self, answer: Any, number: int) -> None:
        self.tries, self.trouble = 0, False
        match self.row:
            case Step():
                self.fate, self.next = "due", ACTION
            case Child():
                self.fate, self.known = "waiting", MAYBE
                self.child, self.heard_stuck = "running", False
                self._start(number)
            case Wait() | Approval():
                self.fate, self.kept, self.has_answer, self.no_answer = "waiting", False, False, False
            case _ if hasattr(self.row, "rows"):
                self.fate, self.items = "entered", len(answer.get("items", []))
            case _:
                self.fate = "waiting"

    def _refused(self) -> str:
        return "held" if getattr(self.row, "on_failure", "") == "incident" else "failed"

    def _fate_after(self, outcome: Outcome | None, doing: Doing | None) -> str:
        step = self.row
        assert isinstance(step, Step)
        self.told_a_person = False
        if self.deaths >= 3:
            return "held"
        if isinstance(outcome, Unstorable) and (step.pivot or self.committed):
            return "passed" if step.optional else "held"
        if isinstance(outcome, Unstorable | Refused) and step.optional:
            return "passed"
        if isinstance(outcome, Refused) and step.pivot and self.known != NO:
            return self._ask() if step.probe and doing is ACTION and self.known == MAYBE else "held"
        if isinstance(outcome, Unstorable | Refused):
            return self._refused()
        if landed(outcome):
            return "passed"
        if doing is ACTION and isinstance(outcome, Lost) and step.probe:
            return self._ask()
        if doing is PROBE and not (isinstance(outcome, Probed) and outcome.landed is False):
            spent = self.asks >= (step.retry.attempts or 0)
            self.told_a_person = spent and self.committed
            return "held" if spent and not self.committed else "due"
        if self.known != NO and not step.idempotent:
            return "held"
        self.next = ACTION
        if self.tries < (step.retry.attempts or 0):
            return "due"
        return self._exhausted(step, outcome)

    def _ask(self) -> str:
        self.next, self.asks = PROBE, 0
        return "due"

    def _exhausted(self, step: Step, outcome: Outcome | None) -> str:
        if step.optional and step.on_exhausted != "suspend":
            return "passed"
        if self.committed:
            self.told_a_person = True
            return "due"
        if isinstance(outcome, ShutOut) or step.on_exhausted == "suspend":
            return "held"
        return "held" if step.pivot and self.known != NO else "failed"

    def _undone(self, outcome: Outcome | None) -> str:
        if self.deaths >= 3:
            return "stuck"
        if isinstance(outcome, Succeeded | Unstorable) or (isinstance(outcome, Absent) and self.known != YES):
            return "done"
        if isinstance(outcome, Absent | Refused):
            return "stuck"
        policy = self.row.compensation_retry if isinstance(self.row, Step) else None
        return "stuck" if policy and self.tries >= (policy.attempts or 0) else "due"

    def _learn(self, outcome: Outcome | None, doing: Doing | None) -> None:
        step = self.row
        assert isinstance(step, Step)
        if landed(outcome):
            self.known = YES
        elif doing is ACTION and isinstance(outcome, Lost) and self.known == NO and not step.local:
            self.known = MAYBE
        elif isinstance(outcome, Probed) and outcome.landed is False and step.probe_is_final and self.known != YES:
            self.known = NO

    def _on_late(self, fact: Fact) -> None:
        if fact.doing in (ACTION, PROBE) and landed(fact.outcome) and self.known != YES:
            self.landed_late = True
            self.was_spared = self.spared
            self.after_the_end = self.asleep
            self.known = YES
            self.once_more = self.key_used or self.back == "done"

    def _on_answered(self, fact: Fact) -> None:
        if self.paused:
            self.kept = True
        else:
            self._on_took(fact)

    def _on_took(self, fact: Fact) -> None:
        self.fate, self.next, self.deaths, self.kept = "due", DECISION, 0, False
        self.has_answer = True

    def _on_clock(self, fact: Fact) -> None:
        goes_on = getattr(self.row, "on_timeout", "continue") == "continue"
        self.fate = "passed" if goes_on else self._refused()

    def _on_child_is(self, fact: Fact) -> None:
        self.child = fact.how

    def _on_news(self, fact: Fact) -> None:
        self.heard_stuck = self.child == "stuck" and (self.fate == "waiting" or self.back in ("running", "stuck"))
        if self.back in ("running", "stuck"):
            if self.child in ("compensated", "cancelled"):
                self.back = "done"
            elif self.child == "failed":
                self.back = "stuck"
            return
        if self.fate == "held" and self.gave_up and self.child != "failed":
            self.fate, self.gave_up = "waiting", False
        if self.fate == "waiting" and self.child in ("completed", "compensated", "cancelled", "failed"):
            self._child_ended()

    def _child_ended(self) -> None:
        gone = self.going_back or self.lost
        if self.child == "completed":
            self.known, self.fate = YES, "over" if gone else "passed"
        elif self.child == "failed":
            self.fate, self.gave_up = ("over" if gone else "held"), not gone
        else:
            self.known, self.fate = NO, "over" if gone else self._refused()

    def _on_retried(self, fact: Fact) -> None:
        self.told_a_person = False
        if self.back == "stuck":
            return
        if self.fate == "held" and self.no_answer:  # what came was refused: it waits for something else
            self.fate, self.kept, self.has_answer, self.no_answer = "waiting", False, False, False
            return
        was_held, asking = self.fate == "held", self.fate == "due" and self.next is not ACTION
        self.tries = self.asks = self.deaths = 0
        if self.back in ("due", "running") or self.going_back or not (was_held or self.fate == "due"):
            return
        if self.known == NO and not asking:
            self.generation += 1
        if was_held and (not isinstance(self.row, Step) or self.next is DECISION):
            self.next = DECISION
        elif not asking:
            self.next = ACTION
        self.fate = "due"

    def _on_resolved(self, fact: Fact) -> None:
        self.known = YES if fact.how == "landed" else NO
        if self.going_back or self.lost or self.fate not in ("held", "due"):
            return
        if fact.how == "landed":
            self.fate = "passed"
        elif self.fate == "due":
            self.next = ACTION

    def _on_skipped(self, fact: Fact) -> None:
        self.fate = "passed"

    def _on_waived(self, fact: Fact) -> None:
        self.back, self.heard_stuck = "waived", False

    def _on_demanded(self, fact: Fact) -> None:
        self.key_used = self.key_used and fact.number == self.key
        self.back, self.key = "due", fact.number
        self.once_more = self.after_the_end = False
        self.tries = self.deaths = 0
        if isinstance(self.row, Child):
            self.back, self.key_used = "running", True

    def _on_stuck(self, fact: Fact) -> None:
        self.back = "stuck"

    def _on_held(self, fact: Fact) -> None:
        self.fate = "held"

    def _on_dropped(self, fact: Fact) -> None:
        self.lost = True
        self._call_off()

    def _on_turned_back(self, fact: Fact) -> None:
        self.going_back = True
        self._call_off()

    def _call_off(self) -> None:
        """What has no attempt under way ends here; a child is told, and its end is awaited."""
        self.trouble = self.told_a_person = False
        self.heard_stuck = self.heard_stuck and self.back == "running"
        running = self.fate == "running" and self.next is not DECISION
        if not running and not self.in_flight_child and self.fate not in ("passed", "failed", "not begun"):
            self.fate = "over"

    @property
    def in_flight_child(self) -> bool:
        return self.fate == "waiting" and isinstance(self.row, Child)

    def _on_committed(self, fact: Fact) -> None:
        self.committed = True

    def _on_paused(self, fact: Fact) -> None:
        self.paused = True

    def _on_resumed(self, fact: Fact) -> None:
        self.paused = False
        if self.kept and self.fate == "waiting":
            self._on_took(fact)

    def _on_given_up(self, fact: Fact) -> None:
        self.asleep = True

    def _on_reopened(self, fact: Fact) -> None:
        self.asleep = False


def landed(outcome: Outcome | None) -> bool:
    """Does it say that the effect is there?"""
    if isinstance(outcome, Refused):
        return outcome.partly
    return isinstance(outcome, Succeeded | Unstorable) or (isinstance(outcome, Probed) and outcome.landed is True)
