"""A second statement of the rules, naive: what must be so now, from the complete history and nothing else.

The world's facts are told to it with `hear`; it answers with what the saga must do about them, one rule at a time,
until no rule asks for more.
"""

from collections.abc import Iterator

from sagas.words.definition import Definition
from sagas.words.outcome import Refused
from sagas.words.rows import GROUPS, Child, Each, Group, Parallel, Wait
from tests.sagas.model.story import COMPENSATION, DECISION, MAYBE, NO, Fact, Story, landed


class Oracle:
    """The history of one saga, and what the rules say about it."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.history: list[Fact] = []
        self.stories: dict[str, Story] = {}
        self.members = [place for place in definition.walk() if place.groups]
        self._fates: dict[str, str] = {}
        for place in definition.walk():
            if not _is_item(definition, place.path) and (not isinstance(place.row, GROUPS) or place.row.asks):
                self.stories[place.path] = Story(place.row, place.path)
        self.starts = 0
        self.signals = {"paid": 0, "shipped": 0}
        self.order: list[str] = []
        self.turned = self.committed = self.paused = self.given_up = False
        self.ended = self.wanted = self.cause = ""
        self.late_deadline = self.overdue = False

    def hear(self, fact: Fact) -> list[Fact]:
        """Take in what the world did; what the saga must do about it, in no particular order."""
        if fact.kind in ("cancelled", "turned"):
            assert not self.pivot_is_open, "it let itself be cancelled while its pivot is open"
        self._note(fact)
        followed: list[Fact] = []
        while more := next(filter(None, self._rules(fact, followed)), []):
            for one in more:
                self._note(one)
            followed += more
            assert len(followed) < 500, f"the rules do not come to rest: {followed[-5:]}"
        return followed

    def state(self) -> str:
        """The saga's state, derived from its rows."""
        if self.ended:
            return self.ended
        stories = self.stories.values()
        busy = any(s.fate in ("due", "running") or (s.back in ("due", "running") and not _child(s)) for s in stories)
        awaited = any(s.fate == "waiting" or (_child(s) and s.back == "running") for s in stories)
        if self.turned:
            return "compensating" if busy or awaited else "stuck"
        lost = any(s.lost and s.back == "stuck" for s in stories)
        return "running" if busy else "waiting" if awaited or lost else "stuck"

    def troubles(self) -> set[str]:
        """The rows that a person must look at, and "" for the saga itself."""
        found = {name for name, s in self.stories.items() if s.trouble or s.back_trouble or s.heard_stuck}
        return found | ({""} if self.late_deadline else set())

    # The history.

    def _note(self, fact: Fact) -> None:
        self.history.append(fact)
        self._fates.clear()
        if self._may_start(fact):
            self.starts += 1
            fact = fact._replace(number=self.starts)
        elif fact.kind == "opened" and fact.row not in self.stories:
            path = fact.row.partition("#")[0]
            self.stories[fact.row] = Story(self.definition.places[path].row, path)
            self.stories[fact.row].committed, self.stories[fact.row].paused = self.committed, self.paused
        for story in [self.stories[fact.row]] if fact.row else self.stories.values():
            story.apply(fact)
        handler = getattr(self, "_on_" + fact.kind.replace(" ", "_"), None)
        if handler is not None:
            handler(fact)

    def _may_start(self, fact: Fact) -> bool:
        """An attempt of an action begins, or a child: its place in the order of start is the first such time."""
        if fact.kind == "claimed":
            return fact.doing not in (DECISION, COMPENSATION)
        return fact.kind == "came to" and fact.doing is DECISION and _child(self.stories[fact.row])

    def _on_opened(self, fact: Fact) -> None:
        self.order.append(fact.row)

    def _on_signal(self, fact: Fact) -> None:
        self.signals[fact.how] += 1

    def _on_took(self, fact: Fact) -> None:
        row = self.stories[fact.row].row
        assert isinstance(row, Wait)
        self.signals[row.signal] -= 1

    def _on_turned_back(self, fact: Fact) -> None:
        self.turned = True

    def _on_committed(self, fact: Fact) -> None:
        self.committed = True
        self.late_deadline, self.wanted = self.overdue, ""

    def _on_paused(self, fact: Fact) -> None:
        self.paused = True

    def _on_resumed(self, fact: Fact) -> None:
        self.paused = False

    def _on_ended(self, fact: Fact) -> None:
        self.ended, self.late_deadline = fact.how, False

    def _on_given_up(self, fact: Fact) -> None:
        self.given_up = True

    def _on_reopened(self, fact: Fact) -> None:
        self.ended, self.given_up, self.overdue = "", False, self.overdue and self.turned

    def _on_undone_by_parent(self, fact: Fact) -> None:
        self.ended = ""

    def _on_deadline(self, fact: Fact) -> None:
        self.overdue = True
        if self.committed:
            self.late_deadline = True
        elif self.pivot_is_open:
            self.wanted = "deadline"

    def _on_parent_cancels(self, fact: Fact) -> None:
        if self.pivot_is_open:
            self.wanted = "cancelled"

    # The rules: each yields what must be done now, the first that asks for something is obeyed.

    def _rules(self, last: Fact, followed: list[Fact]) -> Iterator[list[Fact]]:
        if last.kind == "given up" and not followed:
            yield [Fact("ended", how="failed")]
        if self.ended:
            return
        first = not followed
        if not self.turned:
            yield self._commits(last) if first else []
            yield self._turns_back(last)
            yield self._holds(last)
        yield self._out_of_turn(last) if not any(f.kind in ("demanded", "stuck") for f in followed) else []
        yield self._children_that_cannot(followed)
        if self.turned:
            yield self._tells_children(followed)
            yield self._descends()
            return
        yield self._drops()
        yield self._tells_children(followed)
        yield self._undoes_losers()
        yield self._begins()
        yield self._takes_signals()
        yield self._completes()

    def _commits(self, last: Fact) -> list[Fact]:
        """The pivot has succeeded: by its word, or because a person skips what is known to have happened."""
        pivot = self._pivot
        if self.committed or pivot is None or last.row != pivot.path:
            return []
        if last.kind == "skipped":  # what comes after it need not say how it is undone
            return [Fact("committed")]
        if last.kind == "resolved":
            return [Fact("committed")] if pivot.fate == "passed" else []
        spoken = last.kind == "came to" and last.doing is not DECISION
        word = spoken and landed(last.outcome) and not isinstance(last.outcome, Refused)
        return [Fact("committed")] if word else []

    def _turns_back(self, last: Fact) -> list[Fact]:
        asked = last.kind in ("cancelled", "turned", "deadline", "parent cancels", "undone by parent")
        pivot = self._pivot
        wanted = self.wanted and pivot is not None and pivot.known == NO and not pivot.in_flight
        if (asked and not self.committed and not self.wanted) or wanted:
            return [Fact("turned back")]
        failed = any(self.fate(path) == "failed" for path in self.definition.tops)
        return [Fact("turned back")] if failed and not self.committed else []

    def _holds(self, last: Fact) -> list[Fact]:
        """Past the pivot what would turn the saga back is held for a person."""
        if self.committed and any(self.fate(path) == "failed" for path in self.definition.tops):
            return [Fact("held", last.row)]
        return []

    def _drops(self) -> list[Fact]:
        return [Fact("dropped", row) for row in dict.fromkeys(self._out()) if self._matters(self.stories[row])]

    def _matters(self, story: Story) -> bool:
        """A row that has not ended, or that promised to undo what it did."""
        begun = story.fate not in ("not begun", "entered") and not story.lost
        return begun and (story.back != "none" or story.fate not in ("passed", "failed", "over"))

    def _out(self) -> Iterator[str]:
        """Rows in a member that failed where some may, or that was not needed any more."""
        for place in self.members:
            for member in self._names(place.path):
                fate = self.fate(member)
                passed = self.fate(place.groups[-1]) == "passed"
                if fate == "failed" or (passed and fate != "passed"):
                    yield from self._within(member)

    def _undoes_losers(self) -> list[Fact]:
        return [
            fact
            for name, s in self.stories.items()
            if s.lost and s.back == "owed" and not s.in_flight and not s.spared
            for fact in self._demand(name, 1)
        ]

    def _tells_children(self, followed: list[Fact]) -> list[Fact]:
        """A child that runs when its row does not count any more, or the saga goes back, is cancelled."""
        news = {fact.row for fact in followed if fact.kind == "dropped"}
        if any(fact.kind == "turned back" for fact in followed):
            news |= set(self.stories)
        told = {fact.row for fact in followed if fact.kind == "told"}
        running = [name for name, s in self.stories.items() if s.in_flight_child and name in news - told]
        return [Fact("told", name, how="cancel") for name in running]

    def _begins(self) -> list[Fact]:
        for path in self.definition.tops:
            if self.fate(path) != "passed":
                return [Fact("opened", name) for name in self._may_begin(path)]
        return []

    def _takes_signals(self) -> list[Fact]:
        if self.paused:
            return []
        for name in self.order:
            story = self.stories[name]
            if isinstance(story.row, Wait) and story.fate == "waiting" and self.signals[story.row.signal]:
                return [Fact("took", name)]
        return []

    def _completes(self) -> list[Fact]:
        passed = all(self.fate(path) == "passed" for path in self.definition.tops)
        quiet = all(
            s.fate in ("passed", "failed", "over", "not begun", "entered") and s.back not in ("due", "running", "stuck")
            for s in self.stories.values()
        )
        return [Fact("ended", how="completed")] if passed and quiet else []

    # The way back.

    def _descends(self) -> list[Fact]:
        """The one started last first, one at a time; a group that says so is one place."""
        open_ones = sorted((s for s in self.stories.values() if s.unsettled), key=lambda s: -s.started)
        if not open_ones:
            return [Fact("ended", how="cancelled" if self.cancelled else "compensated")]
        if self.definition.on_compensation_stuck == "continue":
            open_ones = [s for s in open_ones if not (s.back_trouble or (s.heard_stuck and not s.in_flight))]
        place = self._place(open_ones)
        if any(s.in_flight for s in place):
            return []
        owed = [s for s in place if s.back == "owed"]
        room = self._window(place) - sum(s.back in ("due", "running") for s in place)
        return [fact for s in owed[: max(room, 0)] for fact in self._demand(self._name(s), 1)]

    def _place(self, open_ones: list[Story]) -> list[Story]:
        if not open_ones:
            return []
        outermost = self._outermost(open_ones[0])
        if outermost is None or outermost.compensate != "parallel":
            return open_ones[:1]
        return [s for s in open_ones if self._outermost(s) is outermost]

    def _window(self, place: list[Story]) -> int:
        outermost = self._outermost(place[0]) if place else None
        return outermost.concurrency if isinstance(outermost, Each) and outermost.compensate == "parallel" else 99

    def _outermost(self, story: Story) -> Group | None:
        groups = self.definition.places[story.path].groups
        return self.definition.places[groups[0]].group if groups else None

    def _demand(self, name: str, number: int) -> list[Fact]:
        story = self.stories[name]
        told = [Fact("told", name, how="undo")] if _child(story) and not self._cannot(story) else []
        return [Fact("demanded", name, number=number), *told]

    def _cannot(self, story: Story) -> bool:
        assert isinstance(story.row, Child)
        return story.child != "completed" or bool(story.row.definition.pivots)

    def _children_that_cannot(self, followed: list[Fact]) -> list[Fact]:
        """A child that was given up, or is past its own pivot, cannot be told to undo itself."""
        told = {fact.row for fact in followed if fact.kind == "told" and fact.how == "undo"}
        return [
            Fact("stuck", name)
            for name, s in self.stories.items()
            if _child(s) and s.back == "running" and name not in told and self._just_demanded(name, followed)
        ]

    def _just_demanded(self, name: str, followed: list[Fact]) -> bool:
        mine = [fact.kind for fact in followed if fact.row == name and fact.kind in ("demanded", "stuck")]
        return mine[-1:] == ["demanded"] and self._cannot(self.stories[name])

    def _out_of_turn(self, last: Fact) -> list[Fact]:
        """What landed late is undone at once; what a person has retried as well."""
        if last.kind == "reopened":
            late = [n for n, s in self.stories.items() if s.after_the_end and (self.turned or s.lost)]
            return [fact for name in late for fact in self._late(self.stories[name])]
        if not last.row:
            return []
        story = self.stories[last.row]
        if last.kind == "retried" and story.back == "stuck":
            return self._demand(last.row, max(story.key, 1) + story.once_more)
        if last.kind == "came to" and last.doing is COMPENSATION and story.once_more:
            return [Fact("demanded", last.row, number=story.key + 1)]
        if last.kind == "late" and story.landed_late and (self.turned or story.lost):
            return self._late(story)
        return []

    def _late(self, story: Story) -> list[Fact]:
        name = self._name(story)
        if story.back == "owed" and story.was_spared:
            return [Fact("demanded", name, number=max(story.key, 1))]
        if story.back == "done" or (story.back == "due" and story.key_used):
            return [Fact("demanded", name, number=story.key + 1)]
        return []

    # The table.

    @property
    def _pivot(self) -> Story | None:
        return self.stories[self.definition.pivots[0].path] if self.definition.pivots else None

    @property
    def pivot_is_open(self) -> bool:
        pivot = self._pivot
        acting = pivot is not None and pivot.fate == "running" and pivot.next is not DECISION
        return pivot is not None and not self.committed and (acting or pivot.known != NO)

    @property
    def pivot_is_in_doubt(self) -> bool:
        pivot = self._pivot
        return pivot is not None and pivot.known == MAYBE and pivot.fate != "running" and not self.committed

    @property
    def cancelled(self) -> bool:
        """The first cause decides how it ends."""
        before = next(n for n, fact in enumerate(self.history) if fact.kind == "turned back")
        causes = [fact for fact in self.history[:before] if fact.kind in ("cancelled", "parent cancels", "deadline")]
        last = self.history[before - 1]
        return last.kind in ("cancelled", "parent cancels") or (self.wanted == "cancelled" and bool(causes))

    def fate(self, name: str) -> str:
        """What has become of a row or an item, and of a group by its members (kept until the next fact)."""
        if name not in self._fates:
            self._fates[name] = self._fate(name)
        return self._fates[name]

    def _fate(self, name: str) -> str:
        path = name.partition("#")[0]
        row = self.definition.places[path].row
        story = self.stories.get(name)
        if not isinstance(row, GROUPS):
            return story.fate if story else "not begun"
        if story is not None and story.fate != "entered":
            return "over" if story.fate == "over" and not self._begun(path) else self._asked(story, path)
        return self._joined(row, [self.fate(member) for member in self._members(path)])

    def _asked(self, story: Story, path: str) -> str:
        if story.fate == "over" and self._begun(path):
            row = self.definition.places[path].group
            return self._joined(row, [self.fate(member) for member in self._members(path)])
        return story.fate

    def _begun(self, path: str) -> bool:
        return bool(self.stories[path].items) or any(self.fate(m) != "not begun" for m in self._members(path))

    def _joined(self, row: Group, fates: list[str]) -> str:
        passed, failed = fates.count("passed"), fates.count("failed")
        need = (row.join or len(fates)) if isinstance(row, Parallel) else len(fates) - row.max_failures
        if failed > len(fates) - need:
            return "failed"
        if isinstance(row, Parallel) and row.join is not None and passed >= need:
            return "passed"
        return "passed" if passed + failed == len(fates) else "entered"

    def _members(self, path: str) -> list[str]:
        row = self.definition.places[path].row
        if isinstance(row, Each):
            return [f"{row.step.name}#{n}" for n in range(self.stories[path].items)]
        return list(self.definition.members[path])

    def _names(self, path: str) -> list[str]:
        """A row by its path: an `each`'s step stands for all its items."""
        if _is_item(self.definition, path):
            return self._members(self.definition.places[path].groups[-1])
        return [path]

    def _within(self, name: str) -> Iterator[str]:
        if name in self.stories:
            yield name
        if "#" not in name and isinstance(self.definition.places[name].row, GROUPS):
            for member in self._members(name):
                yield from self._within(member)

    def _may_begin(self, name: str) -> Iterator[str]:
        path = name.partition("#")[0]
        row = self.definition.places[path].row
        story = self.stories.get(name)
        if not isinstance(row, GROUPS) or (story is not None and story.fate != "entered"):
            if story is None or story.fate == "not begun":
                yield name
        elif self.fate(name) == "entered":
            yield from self._members_that_may(row, path)

    def _members_that_may(self, row: Group, path: str) -> Iterator[str]:
        fates = {member: self.fate(member) for member in self._members(path)}
        room = 99
        if isinstance(row, Each):
            room = row.concurrency - sum(fate in ("due", "running") for fate in fates.values())
        for member, fate in fates.items():
            if "#" in member:
                if fate == "not begun" and room > 0:
                    room -= 1
                    yield member
            elif fate not in ("passed", "failed", "over"):
                yield from self._may_begin(member)

    def _name(self, story: Story) -> str:
        return next(name for name, other in self.stories.items() if other is story)


def _child(story: Story) -> bool:
    return isinstance(story.row, Child)


def _is_item(definition: Definition, path: str) -> bool:
    groups = definition.places[path].groups
    return bool(groups) and isinstance(definition.places[groups[-1]].row, Each)
