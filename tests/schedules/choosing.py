"""Who is next: draws acts, more often those that keep going what has begun, and never what the plan left out."""

from random import Random

from tests.schedules.plan import rows
from tests.schedules.stage import Stage

JUMPS = (20, 40, 700, 2000)


class Choosing:
    """The chance of a schedule that is played for the first time."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.plan = stage, stage.plan
        self.chance = Random(f"{stage.plan.seed} acts")
        self.last = ""
        self.names: dict[str, list[str]] = {}
        for row in rows(stage.plan.table):
            self.names.setdefault(row["row"], []).append(row.get("name", ""))

    def next(self) -> str:
        """An act; it may turn out that it cannot be done."""
        going = [actor.name for actor in self.stage.actors()]
        if self.last in going and self.chance.random() < self.plan.momentum:
            return f"go {self.last}"
        if going and self.chance.random() < 0.6:
            self.last = self.chance.choice(going)
            return f"go {self.last}"
        return self.chance.choice([*self._calm(), *self._faults()])

    def _calm(self) -> list[str]:
        one = self._one()
        first = 0
        if "reorder" in self.plan.faults and self.stage.broker.messages:
            first = self.chance.randrange(len(self.stage.broker.messages))
        return [f"take {one} {first}"] * 8 + [f"sweep {one}", f"look {one}", f"later {self.chance.choice([1, 3, 6])}"]

    def _faults(self) -> list[str]:
        """One of each kind that the plan has, and what ends it."""
        one, faults = self._one(), self.plan.faults
        found = [f"start {one}"]
        if "crash" in faults:
            found.append(f"crash {one}")
        if "freeze" in faults:
            found += [f"freeze {one}", f"thaw {one}"]
        if "cut" in faults and (going := [actor.name for actor in self.stage.actors()]):
            found.append(f"cut {self.chance.choice(going)}")
        if "duplicate" in faults and self.stage.broker.messages:
            found.append(f"again {self.chance.randrange(len(self.stage.broker.messages))}")
        if "flush" in faults:
            found.append("flush")
        if "jump" in faults:
            found.append(f"later {self.chance.choice(JUMPS)}")
        if "cancel" in faults and self.chance.random() < 0.5:
            found.append(f"{self.chance.choice(['cancel', 'compensate'])} {self._saga()}")
        if "pause" in faults:
            found += [f"pause {self._saga()}", f"resume {self._saga()}"]
        return [*found, *self._outside()]

    def _outside(self) -> list[str]:
        found = []
        if waits := self.names.get("wait"):
            number = self.chance.randrange(4) if "signal" in self.plan.faults else 0
            found += [f"signal {self._saga()} {self.chance.choice(waits)} {number}"] * 2
        if approvals := self.names.get("approval"):
            found.append(
                f"decide {self._saga()} {self.chance.choice(approvals)} {self.chance.choice(['yes', 'yes', 'no'])}"
            )
        if "operator" in self.plan.faults:
            found += self._operator()
        return found

    def _operator(self) -> list[str]:
        saga, step = self._saga(), self.chance.choice(self.names.get("step", ["s0"]))
        verb, item = self.chance.choice(["skip", "resolve", "waive"]), self.chance.choice([0, 0, 0, 1, 2])
        found = [f"retry {saga}", f"{verb} {saga} {step} {item}"]
        if self.chance.random() < 0.2:
            found.append(f"give_up {saga}")
        clocks = [name for kind in ("wait", "approval", "sleep", "step") for name in self.names.get(kind, [])]
        if clocks:
            found.append(f"reschedule {saga} {self.chance.choice(clocks)} 0 {self.chance.choice([-60, 600])}")
        return found

    def _one(self) -> str:
        return f"w{self.chance.randrange(self.plan.processes)}"

    def _saga(self) -> int:
        return self.chance.choice([0, 0, 0, 1, 2])
