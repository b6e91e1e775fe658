"""Plausible mistakes, each of which the model test must find: in the plan, the verdict, the knowledge, and in what the
engine does with them (there over rows in memory)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sagas.words import outcome, plan, verdict
from sagas.words.outcome import Absent, Happened, Lost, NotNow, Probed, Refused, ShutOut, Unstorable
from sagas.words.plan import Drop, Event, Finish, Rest, TurnBack
from sagas.words.rows import GROUPS, Approval, Each, Parallel, Wait
from sagas.words.verdict import Doing, Fail, Reason, Skip, Succeed, Suspend, Undone
from tests.sagas.model.engine import Engine
from tests.sagas.model.memory import NO, Row

Mutant = tuple[Any, str, Any]

learn, judge, forward, backward = outcome.learn, verdict.judge, plan.forward, plan.backward
decided, call_off, next_item, enter = plan._decided, plan._call_off, plan._next_item, plan._enter


# What is known.


def learning(when: Callable[..., bool], known: Happened) -> Mutant:
    """What is known is `known` after these outcomes."""

    def mutant(prior: Happened, came: Any, *, final: bool = False) -> Any:
        return known if when(prior, came, final) else learn(prior, came, final=final)

    return outcome, "learn", mutant


# The verdict.


def judging(**numbers: Any) -> Mutant:
    """The verdict with other numbers, or with another policy."""

    def mutant(row: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
        policy = {name: value for name, value in numbers.items() if hasattr(row, name)}
        others = {name: value for name, value in numbers.items() if hasattr(standing, name)}
        return judge(replace(row, **policy), replace(standing, **others), came, chance=chance)

    return verdict, "judge", mutant


def turning(found: type, into: Any, *of: type, doing: tuple[Doing, ...] = (Doing.ACTION, Doing.PROBE)) -> Mutant:
    """Another verdict in place of one kind (after outcomes of these kinds, of attempts of these kinds)."""

    def mutant(row: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
        judged = judge(row, standing, came, chance=chance)
        mine = standing.doing in doing and isinstance(came, of or (object,))
        return into if isinstance(judged, found) and mine else judged

    return verdict, "judge", mutant


def asking_the_pivot_nothing(row: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
    asked = replace(row, probe=None) if getattr(row, "pivot", False) and isinstance(came, Refused) else row
    return judge(asked, standing, came, chance=chance)


def with_the_actions_budget(row: Any, standing: Any, came: Any, *, chance: float | None = None) -> Any:
    if standing.doing is Doing.COMPENSATION:
        row = replace(row, compensation_retry=row.retry)
    return judge(row, standing, came, chance=chance)


# The plan.


def folding(event: Event, fold: Callable[..., Any]) -> Mutant:
    def mutant(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
        return (fold if what is event else forward)(definition, position, path, what, **about)

    return plan, "forward", mutant


def turning_back(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
    return position, (TurnBack(),)


def doing_nothing(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
    return position, ()


def never_committed(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
    return forward(definition, position, path, what, **{**about, "committed": False})


def waiting_for_siblings(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
    after, moves = forward(definition, position, path, what, **about)
    groups = definition.places[path].groups
    busy = any(position.groups[group].working > 1 for group in groups if group in position.groups)
    return (after, ()) if busy and TurnBack() in moves else (after, moves)


def stalling_on_empty(definition: Any, position: Any, path: str, what: Event, **about: Any) -> Any:
    empty = isinstance(definition.places[path].row, Each) and not about.get("items")
    return (position, ()) if empty else forward(definition, position, path, what, **about)


def deciding(rule: Callable[[Any, Any], Any]) -> Mutant:
    """When a group has succeeded or failed, by another rule."""
    return plan, "_decided", rule


def a_failure_as_a_success(row: Any, count: Any) -> Any:
    return decided(row, replace(count, passed=count.ended))


def only_all(row: Any, count: Any) -> Any:
    return decided(replace(row, join=None) if isinstance(row, Parallel) else row, count)


def one_less(row: Any, count: Any) -> Any:
    return decided(replace(row, join=max(row.join - 1, 1)) if getattr(row, "join", None) else row, count)


def one_failure_more(row: Any, count: Any) -> Any:
    return decided(replace(row, max_failures=row.max_failures + 1) if isinstance(row, Each) else row, count)


def no_failure_at_all(row: Any, count: Any) -> Any:
    return False if count.failed else decided(row, count)


def all_must_end(row: Any, count: Any) -> Any:
    return decided(row, count) if count.ended == count.total else None


def tolerating_nothing(definition: Any, path: str, item: int) -> Any:
    return Drop(paths=())


def tolerating_all_items(definition: Any, path: str, item: int) -> Any:
    return Drop(paths=definition.within(path))


def calling_off_nobody(definition: Any, position: Any, group: str, winner: str) -> Any:
    return iter(())


def calling_off_leaves(definition: Any, position: Any, group: str, winner: str) -> Any:
    drops = call_off(definition, position, group, winner)
    return (drop for drop in drops if not isinstance(definition.places[drop.paths[0]].row, GROUPS))


def calling_off_what_runs(definition: Any, position: Any, group: str, winner: str) -> Any:
    return (replace(drop, finished=False) for drop in call_off(definition, position, group, winner))


def calling_off_all(definition: Any, position: Any, group: str, winner: str) -> Any:
    return (replace(drop, finished=True) for drop in call_off(definition, position, group, winner))


def one_too_many(definition: Any, position: Any, group: str) -> Any:
    row, count = definition.places[group].row, position.groups[group]
    if isinstance(row, Each) and count.begun < count.total and count.working == row.concurrency:
        position = plan._with(position, group, replace(count, held=count.held + 1))
        position, moves = next_item(definition, position, group)
        begun = position.groups[group].begun
        return plan._with(position, group, replace(count, begun=begun)), moves
    return next_item(definition, position, group)


def stalling_after_a_failure(definition: Any, position: Any, group: str) -> Any:
    return (position, ()) if position.groups[group].failed else next_item(definition, position, group)


def opening_one(definition: Any, position: Any, path: str, items: int) -> Any:
    position, begun = enter(definition, position, path, items)
    return position, begun[:1]


def opening_all(definition: Any, position: Any, path: str, items: int) -> Any:
    position, begun = enter(definition, position, path, items)
    if isinstance(definition.places[path].row, Each):
        begun = tuple(plan.Begin(path=definition.places[path].row.step.name, item=n) for n in range(items))
        position = plan._with(position, path, replace(position.groups[path], begun=items))
    return position, begun


def without_draining(tops: Any) -> Any:
    return backward([replace(top, running=False) for top in tops])


def ending_when_stuck(tops: Any) -> Any:
    found = backward(tops)
    return Finish() if isinstance(found, Rest) else found


# What the engine does with it.


def on_the_engine(name: str, mutant: Callable[..., Any]) -> Mutant:
    """`mutant` gets what the engine itself would do as its first argument."""
    original = getattr(Engine, name)

    def method(self: Engine, *given: Any, **named: Any) -> Any:
        return mutant(partial(original, self), self, *given, **named)

    return Engine, name, method


def nothing(original: Any, engine: Engine, *given: Any) -> None:
    return None


def unless(when: Callable[..., bool]) -> Callable[..., Any]:
    """Does nothing where that is so."""

    def mutant(original: Any, engine: Engine, *given: Any, **named: Any) -> Any:
        return None if when(engine, *given) else original(*given, **named)

    return mutant


def repeating_losers(original: Any, engine: Engine, row: Row, came: Any) -> Any:
    return replace(original(row, came), draining=engine.going_back)


def ending_before_losers(original: Any, engine: Engine) -> None:
    kept, engine.rows = engine.rows, {name: row for name, row in engine.rows.items() if not row.loser}
    original()
    engine.rows = kept


def skipping_debts(original: Any, engine: Engine, row: Row) -> None:
    row.undo = "none"
    original(row)


def skipping_effects(original: Any, engine: Engine, row: Row) -> None:
    row.happened = NO
    original(row)


def undoing_under_one_key(original: Any, engine: Engine, row: Row, *, once_more: bool = False) -> None:
    original(row)


def heedless_deadline(original: Any, engine: Engine) -> None:
    engine.overdue = True
    engine.turn_back("deadline")
    engine.derive()


def forgetting_the_deadline(original: Any, engine: Engine) -> None:
    engine.overdue = False
    original()


def undoing_one_at_a_time(original: Any, engine: Engine) -> Any:
    return original()[:1]


def undoing_the_whole_group(original: Any, engine: Engine) -> list[Row]:
    place: list[Row] = original()
    if not place or any(row.forward_under_way for row in place):
        return place
    groups = engine.definition.places[place[0].path].groups
    within = engine.definition.within(groups[0]) if groups else ()
    side_by_side = bool(groups) and engine.definition.places[groups[0]].group.compensate == "parallel"
    return [row for row in engine.rows.values() if row.path in within and row.unsettled] if side_by_side else place


def undoing_groups_early(original: Any, engine: Engine) -> list[Row]:
    """A group that is undone side by side does not wait for what came after it."""
    for path, row in ((place.path, place.row) for place in engine.definition.walk() if not place.groups):
        if getattr(row, "compensate", "") == "parallel":
            within = engine.definition.within(path)
            owed = [r for r in engine.rows.values() if r.path in within and r.undo == "owed" and not r.work]
            if owed:
                return owed
    return original()  # type: ignore[no-any-return]


def a_person_blocks(original: Any, engine: Engine) -> Any:
    engine.definition = replace(engine.definition, on_compensation_stuck="block")
    return original()


def timing_out(original: Any, engine: Engine, row: Row) -> None:
    if isinstance(row.row, Wait | Approval):
        row.row = replace(row.row, on_timeout="compensate")
    original(row)


def a_given_up_child_as_undone(original: Any, engine: Engine, row: Row) -> None:
    if row.child.state == "failed":
        engine.undone(row)
        engine.descend()
    else:
        original(row)


def a_given_up_child_turns_back(original: Any, engine: Engine, row: Row) -> None:
    if row.child.state == "failed" and not (engine.going_back or row.loser):
        engine.conclude(row, "failed")
        engine.fold(row, Event.FAILED)
    else:
        original(row)


def keeping_the_key(original: Any, engine: Engine, row: Row) -> None:
    generation = row.generation
    original(row)
    row.generation = generation


def taking_while_paused(original: Any, engine: Engine, row: Row) -> Any:
    paused, engine.paused = engine.paused, False
    taken = original(row)
    engine.paused = paused
    return taken


def forgetting_decisions(original: Any, engine: Engine) -> None:
    for row in engine.rows.values():
        row.given = False
    original()


def forgetting_clocks(original: Any, engine: Engine) -> None:
    engine.put_down = []
    original()


def forgetting_incidents(original: Any, engine: Engine) -> None:
    engine.closed = set()
    original()


def forgetting_what_landed(original: Any, engine: Engine) -> None:
    engine.incidents = {incident for incident in engine.incidents if incident[2] != "late"}
    original()


def open_only_when_running(engine: Engine) -> bool:
    pivot = engine.rows.get(engine.definition.pivots[0].path) if engine.definition.pivots else None
    return pivot is not None and pivot.work == "running" and not engine.committed


def refused(prior: Happened, came: Any, final: bool) -> bool:
    return isinstance(came, Refused) and not came.partly


SUSPENDED = Suspend(reason=Reason.REFUSED)
BACK, DECISION = (Doing.COMPENSATION,), (Doing.DECISION,)

MUTANTS: dict[str, Mutant] = {
    "a refusal clears an earlier doubt": learning(refused, NO),
    "not now clears an earlier doubt": learning(lambda prior, came, final: isinstance(came, NotNow), NO),
    "a lost answer is no doubt": learning(lambda prior, came, final: isinstance(came, Lost) and prior == NO, NO),
    "a lost answer makes what is known doubtful": learning(
        lambda prior, came, final: isinstance(came, Lost), Happened.MAYBE
    ),
    "every probe is final": learning(
        lambda prior, came, final: came == Probed(landed=False) and prior != Happened.YES, NO
    ),
    "a final probe takes back what is known": learning(
        lambda prior, came, final: final and came == Probed(landed=False), NO
    ),
    "a refusal in part is a refusal": learning(
        lambda prior, came, final: isinstance(came, Refused) and prior == NO, NO
    ),
    "a step that is not idempotent is repeated": judging(idempotent=True),
    "nobody is asked": judging(probe=None),
    "poison is forgotten": judging(crashes=0),
    "draining repeats": judging(draining=False),
    "an optional step turns the saga back": turning(Skip, Fail()),
    "a failing step is skipped": turning(Fail, Skip()),
    "what cannot be stored has succeeded": turning(Fail, Succeed(), Unstorable),
    "being shut out turns the saga back": turning(Suspend, Fail(), ShutOut),
    "a compensation is silently given up": turning(Suspend, Undone(), doing=BACK),
    "nothing there is done, though it is known to be": turning(Suspend, Undone(), Absent, doing=BACK),
    "a compensation has the action's budget": (verdict, "judge", with_the_actions_budget),
    "the pivot is a step like any other": judging(pivot=False),
    "a pivot in doubt turns the saga back": turning(Suspend, Fail(), Lost),
    "the pivot is not asked after": (verdict, "judge", asking_the_pivot_nothing),
    "past the pivot the tries run out": judging(committed=False),
    "a refusal that a person should see turns the saga back": judging(on_failure="compensate"),
    "a definition error turns the saga back": turning(Suspend, Fail(), doing=DECISION),
    "an abort of a row's functions is an incident": turning(Fail, SUSPENDED, doing=DECISION),
    "a held row turns the saga back": folding(Event.HELD, turning_back),
    "a held item blocks the window": folding(Event.HELD, doing_nothing),
    "past the pivot a failure turns the saga back": folding(Event.FAILED, never_committed),
    "a failure waits for its siblings": folding(Event.FAILED, waiting_for_siblings),
    "an empty list is never done": folding(Event.ENTERED, stalling_on_empty),
    "a join counts a failure as a success": deciding(a_failure_as_a_success),
    "a join wants all": deciding(only_all),
    "a join passes one too early": deciding(one_less),
    "a group waits for its losers": deciding(all_must_end),
    "a list tolerates one failure more": deciding(one_failure_more),
    "no failure is tolerated": deciding(no_failure_at_all),
    "a tolerated failure is not undone": (plan, "_tolerate", tolerating_nothing),
    "a tolerated item takes the others along": (plan, "_tolerate", tolerating_all_items),
    "nobody is called off": (plan, "_call_off", calling_off_nobody),
    "groups are not called off": (plan, "_call_off", calling_off_leaves),
    "what a loser group has finished stays": (plan, "_call_off", calling_off_what_runs),
    "a failure is called off twice": (plan, "_call_off", calling_off_all),
    "a list opens one too many": (plan, "_next_item", one_too_many),
    "a list stalls after a failure": (plan, "_next_item", stalling_after_a_failure),
    "a group opens one member alone": (plan, "_enter", opening_one),
    "a list opens all its items": (plan, "_enter", opening_all),
    "undone without draining": (plan, "backward", without_draining),
    "it ends with what is stuck": (plan, "backward", ending_when_stuck),
    "losers are not owed": on_the_engine("settle_debt", nothing),
    "past the pivot losers are not undone": on_the_engine("settle_debt", unless(lambda e, row: e.committed)),
    "a loser is repeated": on_the_engine("_standing", repeating_losers),
    "it ends before its losers are settled": on_the_engine("derive", ending_before_losers),
    "skip forgets the debt": on_the_engine("skip", skipping_debts),
    "skip says that nothing happened": on_the_engine("skip", skipping_effects),
    "one compensation key for a late success": on_the_engine("demand", undoing_under_one_key),
    "a late success is forgotten": on_the_engine("undo_what_landed", nothing),
    "a late success of a loser is forgotten": on_the_engine("undo_what_landed", unless(lambda e, row: row.loser)),
    "what did not happen is undone": on_the_engine("spare", nothing),
    "a deadline at the open pivot turns the saga back": on_the_engine("deadline", heedless_deadline),
    "a deadline noted at the pivot is forgotten": on_the_engine("commit", forgetting_the_deadline),
    "what was wanted at the pivot is forgotten": on_the_engine(
        "turn_back", unless(lambda e, cause: bool(e.wanted) and cause == e.wanted)
    ),
    "cancel is allowed until the pivot has succeeded": (Engine, "pivot_is_open", property(lambda engine: False)),
    "cancel is allowed between tries of the pivot": (Engine, "pivot_is_open", property(open_only_when_running)),
    "a group that is undone side by side is undone in sequence": on_the_engine("_place", undoing_one_at_a_time),
    "a list that is undone side by side has no window": on_the_engine("_place", undoing_the_whole_group),
    "a group is undone while a later step is unsettled": on_the_engine("_place", undoing_groups_early),
    "what is stuck blocks, though it should not": on_the_engine("_place", a_person_blocks),
    "timed out turns back with continue": on_the_engine("expire", timing_out),
    "a child's end is ignored while going back": on_the_engine("news", unless(lambda e, row: e.going_back)),
    "a child that was given up counts as undone": on_the_engine("_while_undone", a_given_up_child_as_undone),
    "a child that was given up turns its parent back": on_the_engine("_while_forward", a_given_up_child_turns_back),
    "a running child is not cancelled": on_the_engine("tell_child", unless(lambda e, row, verb: verb == "cancel")),
    "a completed child is not told to undo": on_the_engine("tell_child", unless(lambda e, row, verb: verb == "undo")),
    "a retry keeps the key of what was refused": on_the_engine("retry", keeping_the_key),
    "a signal is taken while the saga is paused": on_the_engine("take_signal", taking_while_paused),
    "what was decided during a pause is forgotten": on_the_engine("resume", forgetting_decisions),
    "what waited when it was given up is forgotten": on_the_engine("reopen", forgetting_clocks),
    "incidents of a saga that was given up are forgotten": on_the_engine("reopen", forgetting_incidents),
    "what landed while it was given up stays": on_the_engine("reopen", forgetting_what_landed),
}
