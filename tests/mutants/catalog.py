"""The mistakes of the engine; those of the pure model stand in `tests/sagas/model/mutants.py`."""

from sagas import operations
from sagas.engine import letting_go, sweep, workers
from sagas.models import Hold, Run
from sagas.models.hold import HoldQuerySet
from sagas.models.run import RunQuerySet
from sagas.operations import beginning, holding, repairing, retrying, signalling, turning, verb
from sagas.participant import barrier
from sagas.record import attempts, clocks, hearing, late, locked, settle, way_back
from sagas.record.postgres import changes as statements
from sagas.record.turn import Turn
from tests.mutants import changes
from tests.mutants.mutant import Mutant, around, nothing

CRASHES, SCENARIO, RACE, STORMS = "crash points", "scenario", "race on PostgreSQL", "storms"
SCHEDULE = "schedule"
CUTS, HOLDS = ("cuts",), ("holds",)


def in_all(name: str, by: object, *owners: object) -> tuple[tuple[object, str, object], ...]:
    """The same change wherever that function was imported."""
    return tuple((owner, name, by) for owner in owners)


demand = around(way_back.demand, changes.under_the_old_key)

MUTANTS = (
    # Who is told, and who looks
    Mutant(
        "no sweep",
        in_all("_take_back_all", nothing, sweep)
        + in_all("_fire_all", nothing, sweep)
        + in_all("_ring_again", nothing, sweep),
        CRASHES,
        "linear/nothing/told",
    ),
    Mutant(
        "what was lost is not rung for again", in_all("_ring_again", nothing, sweep), CRASHES, "linear/nothing/emptied"
    ),
    Mutant("nobody looks at the door", ((workers.Here, "left_lying", lambda here, most: []),), CRASHES, "no broker"),
    Mutant(
        "a message within the transaction",
        in_all("ring_after_commit", changes.ring_at_once, verb, signalling, beginning),
        CRASHES,
        "linear/nothing/told",
    ),
    Mutant(
        "a child does not tell its parent", ((locked.Locked, "_tell_parent", nothing),), CRASHES, "child/nothing/told"
    ),
    # Whose attempt it is
    Mutant("no fence", ((attempts, "_own", changes.whatever_it_does_now),), CRASHES, "linear/lock answers late"),
    Mutant("no lease", ((RunQuerySet, "overdue", changes.until_for_ever),), CRASHES, "linear/nothing/told", ("hangs",)),
    Mutant(
        "a lease of ever so long",
        ((attempts, "_timeout", around(attempts._timeout, changes.far_away)),),
        CRASHES,
        "linear/nothing/told",
        ("hangs",),
    ),
    Mutant("a worker's clock", ((locked, "clock", changes.WorkersClock),), CRASHES, "linear/nothing/told", ("hangs",)),
    Mutant(
        "attempts are taken from the living",
        (
            (RunQuerySet, "overdue", changes.of_all_that_run),
            (sweep, "take_back", around(attempts.take_back, changes.from_the_living)),
        ),
        SCENARIO,
        "a sweep during an attempt",
    ),
    Mutant(
        "what comes late is applied forward",
        ((attempts, "came_late", changes.applied_forward),),
        CRASHES,
        "linear/lock answers late",
    ),
    Mutant(
        "a crash is counted after the run",
        ((attempts, "_take", around(attempts._take, changes.uncounted)),),
        SCENARIO,
        "poison",
    ),
    Mutant(
        "what lands late is not undone",
        in_all("undo_what_landed", nothing, late),
        SCHEDULE,
        "what-lands-late-is-not-undone",
    ),
    Mutant(
        "an echo is taken for a late answer", in_all("is_echo", nothing, attempts), CRASHES, "linear/nothing/told", CUTS
    ),
    Mutant(
        "a claim whose commit was not answered is nobody's",
        in_all("claimed_before", nothing, attempts),
        CRASHES,
        "linear/nothing/told",
        CUTS,
    ),
    # What participants see
    Mutant("no key", ((Run, "key", property(changes.a_key_of_its_own)),), CRASHES, "linear/nothing/told"),
    Mutant("no barrier", ((barrier, "_enter_action", changes.first_every_time),), CRASHES, "linear/nothing/told"),
    Mutant(
        "one compensation key for a late success",
        in_all("demand", demand, late, way_back, settle, retrying),
        SCENARIO,
        "a zombie after its compensation",
    ),
    Mutant(
        "an edited input under the old key",
        ((retrying, "_edit", around(retrying._edit, changes.heedless_edit)),),
        SCENARIO,
        "an edit in doubt",
    ),
    # The way back
    Mutant(
        "what is in doubt is not undone",
        (
            *in_all("spare", changes.sparing_doubt, way_back, settle, hearing, repairing),
            (locked.Locked, "owed_for_nothing", changes.owed_for_nothing_known),
        ),
        CRASHES,
        "linear/pay never answers",
    ),
    Mutant(
        "a refusal clears an earlier doubt",
        ((settle, "learn", changes.clearing_doubt),),
        CRASHES,
        "linear/pay refuses after a doubt",
    ),
    Mutant(
        "the intent to undo is written with the success",
        (
            (attempts, "_take_step", around(attempts._take_step, changes.owing_nothing)),
            (settle, "conclude", around(settle.conclude, changes.owing_at_last)),
        ),
        CRASHES,
        "linear/pay never answers",
    ),
    Mutant(
        "undone in the order of begin",
        ((RunQuerySet, "unsettled", changes.the_oldest_first),),
        CRASHES,
        "linear/book refuses",
    ),
    Mutant(
        "undone while it may still happen",
        ((way_back, "_is_running", lambda run: False),),
        SCENARIO,
        "a cancel during an attempt",
    ),
    Mutant(
        "losers of a join are not owed",
        in_all("settle_debt", nothing, way_back, settle, hearing),
        CRASHES,
        "nested/nothing/told",
    ),
    Mutant(
        "a skip forgets the debt",
        ((repairing, "conclude", around(repairing.conclude, changes.forgetting_the_debt)),),
        SCENARIO,
        "a skip that is undone",
    ),
    # What people and the outside say
    Mutant(
        "cancel is allowed until the pivot has succeeded",
        in_all("open_pivot", nothing, turning, hearing, clocks),
        CRASHES,
        "pivot/nothing/told",
        ("cancels",),
    ),
    Mutant(
        "a signal is consumed before the commit",
        ((operations, "signal", around(operations.signal, changes.consumed_first)),),
        CRASHES,
        "wait/nothing/told",
    ),
    Mutant(
        "a successor never begins", ((locked.Locked, "hand_over_key", nothing),), SCHEDULE, "a-successor-never-begins"
    ),
    # A participant that is held
    Mutant("a hold that nobody heeds", in_all("park", lambda t, run: False, attempts), STORMS),
    Mutant(
        "who goes straight on looks at no hold",
        ((attempts, "_following", around(attempts._following, changes.heedless_of_holds)),),
        STORMS,
    ),
    Mutant(
        "a canary lets everybody pass",
        ((Hold, "lets_pass", lambda hold, saga: bool(hold.canaries)),),
        SCENARIO,
        "a canary that goes alone",
    ),
    Mutant(
        "the deadline runs on while a step is parked",
        ((locked, "go_on", around(locked.go_on, changes.the_deadline_as_it_was)),),
        SCENARIO,
        "a deadline that stands still",
    ),
    Mutant(
        "a step's time runs on while it is parked",
        in_all("let_go", around(letting_go.let_go, changes.since_as_long_ago), letting_go, holding),
        SCENARIO,
        "a step that waited long",
    ),
    Mutant("a release lets nothing go", in_all("let_go_all", nothing, sweep), CRASHES, "linear/nothing/told", HOLDS),
    Mutant(
        "what is parked while the hold ends is forgotten",
        ((HoldQuerySet, "lately", lambda rows, now: rows.open()),),
        RACE,
        "a step that is parked while the hold ends",
    ),
    # The books
    Mutant("no journal", ((locked.Locked, "_note", nothing),), CRASHES, "linear/nothing/told"),
    Mutant("nobody counts", ((Turn, "_count", nothing),), STORMS),
    # Two at once
    Mutant(
        "siblings are counted in the statement that takes the lock",
        ((locked, "_turn", changes.read_before_the_lock),),
        RACE,
        "two members at once",
    ),
    Mutant(
        "a claim that does not lock the saga",
        ((locked, "_turn", changes.without_a_lock),),
        RACE,
        "a claim that meets an open pause",
    ),
    Mutant(
        "a guess that holds at any revision",
        ((statements, "_statement", around(statements._statement, changes.whatever_the_revision)),),
        RACE,
        "a pause between the look and the claim",
    ),
)
