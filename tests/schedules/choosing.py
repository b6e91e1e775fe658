"""Who is next: draws acts that can be done, more often those that go on with what has begun, of the plan's faults."""

from collections.abc import Callable
from random import Random

from tests.schedules.plan import rows
from tests.schedules.processes import Process
from tests.schedules.stage import Stage

SHORT, LONG = (1, 3, 6, 12), (20, 40, 700, 2000)


class Choosing:
    """The chance of a schedule that is played for the first time."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.plan = stage, stage.plan
        self.chance = Random(f"{stage.plan.seed} acts")
        self.last = ""
        self.names: dict[str, list[str]] = {}
        for row in rows(stage.plan.table):
            self.names.setdefault(row["row"], []).append(row.get("name", ""))
        known = {name.removeprefix("_"): getattr(self, name) for name in dir(type(self)) if name.startswith("_a_")}
        self._kinds: list[Callable[[], str]] = [known[f"a_{name}"] for name in self.plan.faults if f"a_{name}" in known]
        self._kinds += [known["a_wait"]] * ("wait" in self.names) + [known["a_decision"]] * ("approval" in self.names)

    def next(self) -> str:
        """An act; "" when there is nothing to do any more."""
        going = [actor.name for actor in self.stage.actors()]
        if not going and self.stage.is_over() and self.chance.random() < 0.9:
            return ""
        if self._kinds and self.chance.random() < self.plan.wildness and (act := self.chance.choice(self._kinds)()):
            return act
        if self.last in going and self.chance.random() < self.plan.momentum:
            return f"go {self.last}"
        if going and self.chance.random() < 0.7:
            self.last = self.chance.choice(going)
            return f"go {self.last}"
        return self._calm()

    def _calm(self) -> str:
        """What goes on without any fault."""
        dead = [process.name for process in self.stage.processes if process.dead]
        if dead and self.chance.random() < 0.5:
            return f"start {dead[0]}"
        if self.stage.broker.messages and self.chance.random() < 0.8:
            first = self._message() if "reorder" in self.plan.faults else 0
            return f"take {self._one()} {first}"
        seconds = self.stage.until_the_next_clock()
        if seconds is None:  # only a person can move it
            return f"{self.chance.choice(['retry', 'resume', 'release'])} {self._saga()}"
        if seconds > 0 and self.chance.random() < 0.8:
            return f"later {seconds}"
        match self.chance.choice(["look", "sweep", "sweep", "later"]):
            case "later":
                return f"later {self.chance.choice(SHORT)}"
            case what:
                return f"{what} {self._one()}"

    def _a_crash(self) -> str:
        busy = [process.name for process in self.stage.processes if process.actors]
        return f"crash {self.chance.choice(busy)}" if busy else ""

    def _a_freeze(self) -> str:
        frozen = self._those(lambda process: process.frozen)
        if frozen and self.chance.random() < 0.3:
            return f"thaw {self.chance.choice(frozen)}"
        busy = self._those(lambda process: bool(process.actors) and not process.frozen)
        return f"freeze {self.chance.choice(busy)}" if busy and len(frozen) < len(self.stage.processes) - 1 else ""

    def _a_cut(self) -> str:
        going = [actor.name for actor in self.stage.actors()]
        return f"cut {self.chance.choice(going)}" if going else ""

    def _a_duplicate(self) -> str:
        return f"again {self._message()}" if self.stage.broker.messages else ""

    def _a_flush(self) -> str:
        return "flush" if self.stage.broker.messages else ""

    def _a_jump(self) -> str:
        return f"later {self.chance.choice(LONG)}"

    def _a_back(self) -> str:
        return f"later -{self.chance.choice([2, 30, 600])}" if self._now_and_then() else ""

    def _a_cancel(self) -> str:
        return f"{self.chance.choice(['cancel', 'compensate'])} {self._saga()}" if self._now_and_then() else ""

    def _a_rival(self) -> str:
        how = self.chance.choice(["return", "refuse", "replace", "queue"])
        return f"order 0 {how}" if self.chance.random() < 0.2 else ""

    def _a_pause(self) -> str:
        return f"{self.chance.choice(['pause', 'resume'])} {self._saga()}" if self._now_and_then() else ""

    def _a_hold(self) -> str:
        ends = ["", " 60", " 900"] if "back" not in self.plan.faults else [""]
        match self.chance.choice(["hold", "hold", "canary", "release", "release"]):
            case "hold":
                return f"hold 0{self.chance.choice(ends)}"
            case "release":
                return f"release 0{self.chance.choice(['', ' 1', ' 50'])}"
        return "canary 0"

    def _a_wait(self) -> str:
        number = self.chance.randrange(4) if "signal" in self.plan.faults else 0
        return f"signal {self._saga()} {self.chance.choice(self.names['wait'])} {number}"

    def _a_decision(self) -> str:
        answer = self.chance.choice(["yes", "yes", "no"])
        return f"decide {self._saga()} {self.chance.choice(self.names['approval'])} {answer}"

    def _a_operator(self) -> str:
        if not self._now_and_then():
            return ""
        saga, step = self._saga(), self.chance.choice(self.names.get("step", ["s0"]))
        about = f"{saga} {step} {self.chance.choice([0, 0, 0, 1, 2])}"
        clocks = [name for kind in ("wait", "approval", "sleep", "step") for name in self.names.get(kind, [])]
        match self.chance.choice(["retry", "retry", "skip", "resolve", "waive", "give_up", "reschedule"]):
            case "retry" | "give_up" as verb:
                return f"{verb} {saga}"
            case "reschedule" if clocks:
                return f"reschedule {saga} {self.chance.choice(clocks)} 0 {self.chance.choice([-60, 600])}"
            case verb:
                return f"{verb} {about}"

    def _now_and_then(self) -> bool:
        return self.chance.random() < 0.4

    def _those(self, which: Callable[[Process], bool]) -> list[str]:
        return [process.name for process in self.stage.processes if which(process)]

    def _message(self) -> int:
        return self.chance.randrange(len(self.stage.broker.messages))

    def _one(self) -> str:
        return f"w{self.chance.randrange(self.plan.processes)}"

    def _saga(self) -> int:
        return self.chance.choice([0, 0, 0, 1, 2])
