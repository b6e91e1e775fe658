"""What an attempt's outcome means for its step, and what is known of the effect afterwards: section by section."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Retry, step
from sagas.words.definition import Step
from sagas.words.outcome import (
    Absent,
    Happened,
    Lost,
    NotNow,
    Outcome,
    Probed,
    Refused,
    ShutOut,
    Succeeded,
    Unstorable,
    learn,
)
from sagas.words.verdict import (
    POISON,
    Again,
    Ask,
    Doing,
    Drained,
    Fail,
    Reason,
    Skip,
    Standing,
    Succeed,
    Suspend,
    Undone,
    Verdict,
    judge,
)

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES
SECOND = timedelta(seconds=1)
NOTHING = timedelta(0)

DONE = Succeeded(result={"id": 7})
UNSTORABLE = Unstorable(error="too deep")
NO_THANKS = Refused(error="no")
HALF = Refused(error="half", partly=True, done={"id": 7})
LATER = NotNow(error="busy")
LOST = Lost(error="timeout")
DIED = Lost(error="killed", died=True)
LOCKED_OUT = ShutOut(error="403")
GONE = Absent(error="404")
LANDED, NOT_LANDED, CANNOT_TELL = Probed(landed=True), Probed(landed=False), Probed(landed=None)


def charge(context: object) -> None: ...


def a_step(**policy: Any) -> Step:
    given: dict[str, Any] = {"compensation": charge, "retry": Retry(attempts=3, first=4 * SECOND), **policy}
    return step(charge, **given)


def standing(doing: Doing = Doing.ACTION, **numbers: Any) -> Standing:
    given: dict[str, Any] = {"tries": 1, "elapsed": NOTHING, "happened": MAYBE, **numbers}
    return Standing(doing=doing, **given)


def held(reason: Reason) -> Suspend:
    return Suspend(reason=reason)


FORWARD: list[tuple[str, dict[str, Any], dict[str, Any], Outcome, Verdict]] = [
    ("a success succeeds", {}, {}, DONE, Succeed()),
    ("a refusal fails", {}, {"happened": NO}, NO_THANKS, Fail()),
    ("a refusal in part fails", {}, {"happened": YES}, HALF, Fail()),
    ("a refusal is not retried", {}, {"tries": 1, "happened": NO}, NO_THANKS, Fail()),
    ("an optional refusal is skipped", {"optional": True}, {"happened": NO}, NO_THANKS, Skip()),
    ("a result that cannot be stored turns back", {}, {"happened": YES}, UNSTORABLE, Fail()),
    ("an optional one is skipped", {"optional": True}, {"happened": YES}, UNSTORABLE, Skip()),
    ("not now comes again", {}, {"happened": NO}, LATER, Again(delay=2 * SECOND)),
    ("… with a growing pause", {}, {"tries": 2, "happened": NO}, LATER, Again(delay=4 * SECOND)),
    ("… as late as asked for", {}, {"happened": NO}, NotNow(error="", after=9 * SECOND), Again(delay=9 * SECOND)),
    ("… even if not idempotent", {"idempotent": False}, {"happened": NO}, LATER, Again(delay=2 * SECOND)),
    ("… unless in doubt", {"idempotent": False}, {}, LATER, held(Reason.OUTCOME_UNKNOWN)),
    ("unknown comes again", {}, {}, LOST, Again(delay=2 * SECOND)),
    ("a dead process comes again at once", {}, {"crashes": 1}, DIED, Again(delay=NOTHING)),
    ("unknown is never blindly repeated", {"idempotent": False}, {}, LOST, held(Reason.OUTCOME_UNKNOWN)),
    ("… nor what died", {"idempotent": False}, {"crashes": 1}, DIED, held(Reason.OUTCOME_UNKNOWN)),
    ("… nor what is optional", {"idempotent": False, "optional": True}, {}, LOST, held(Reason.OUTCOME_UNKNOWN)),
    ("unknown is probed after its timeout", {"probe": charge, "timeout": 9 * SECOND}, {}, LOST, Ask(delay=9 * SECOND)),
    ("… or when said", {"probe": charge, "probe_after": SECOND}, {}, LOST, Ask(delay=SECOND)),
    ("… at once if its process died", {"probe": charge}, {"crashes": 1}, DIED, Ask(delay=NOTHING)),
    ("… after the last try too", {"probe": charge, "probe_after": SECOND}, {"tries": 3}, LOST, Ask(delay=SECOND)),
    ("… if not idempotent", {"probe": charge, "probe_after": SECOND, "idempotent": False}, {}, LOST, Ask(delay=SECOND)),
    ("not now is not probed", {"probe": charge}, {"happened": NO}, LATER, Again(delay=2 * SECOND)),
    ("shut out is tried patiently", {}, {"happened": NO}, LOCKED_OUT, Again(delay=timedelta(minutes=1))),
    ("… then an incident", {}, {"tries": 3, "happened": NO}, LOCKED_OUT, held(Reason.SHUT_OUT)),
    ("… skipped if optional", {"optional": True}, {"tries": 3, "happened": NO}, LOCKED_OUT, Skip()),
    (
        "… held if optional and suspended",
        {"optional": True, "on_exhausted": "suspend"},
        {"tries": 3, "happened": NO},
        LOCKED_OUT,
        held(Reason.SHUT_OUT),
    ),
    ("exhausted turns back", {}, {"tries": 3, "happened": NO}, LATER, Fail()),
    ("… also in doubt", {}, {"tries": 3}, LOST, Fail()),
    ("… or is held", {"on_exhausted": "suspend"}, {"tries": 3}, LOST, held(Reason.RETRIES_EXHAUSTED)),
    ("… or is skipped", {"on_exhausted": "skip", "optional": True}, {"tries": 3}, LOST, Skip()),
    ("… an optional one is skipped anyway", {"optional": True}, {"tries": 3}, LOST, Skip()),
    ("… out of time", {"total": 10 * SECOND}, {"elapsed": 9 * SECOND, "happened": NO}, LATER, Fail()),
    ("… but not before", {"total": 11 * SECOND}, {"elapsed": 9 * SECOND}, LATER, Again(delay=2 * SECOND)),
    ("… a bound switched off never ends", {"total": None}, {"elapsed": 9**9 * SECOND}, LATER, Again(delay=2 * SECOND)),
    ("three deaths in a row are poison", {}, {"crashes": POISON}, DIED, held(Reason.CRASHED)),
    ("… before anybody is asked", {"probe": charge}, {"crashes": POISON}, DIED, held(Reason.CRASHED)),
    ("… two are not", {}, {"crashes": POISON - 1, "tries": 2}, DIED, Again(delay=NOTHING)),
]

PROBED: list[tuple[str, dict[str, Any], dict[str, Any], Outcome, Verdict]] = [
    ("landed succeeds", {}, {"happened": YES}, LANDED, Succeed()),
    ("landed, and cannot be stored", {}, {"happened": YES}, UNSTORABLE, Fail()),
    ("not landed is tried again at once", {}, {"happened": NO}, NOT_LANDED, Again(delay=NOTHING)),
    ("… within the budget", {}, {"happened": NO, "tries": 3}, NOT_LANDED, Fail()),
    ("… also in doubt if idempotent", {}, {}, NOT_LANDED, Again(delay=NOTHING)),
    ("… in doubt it is held", {"idempotent": False}, {}, NOT_LANDED, held(Reason.OUTCOME_UNKNOWN)),
    ("… for sure it is not", {"idempotent": False}, {"happened": NO}, NOT_LANDED, Again(delay=NOTHING)),
    ("cannot tell is asked again", {}, {}, CANNOT_TELL, Ask(delay=2 * SECOND)),
    ("an exception is asked again", {}, {}, LOST, Ask(delay=2 * SECOND)),
    ("shut out is asked again", {}, {}, LOCKED_OUT, Ask(delay=2 * SECOND)),
    ("not now is asked again", {}, {}, LATER, Ask(delay=2 * SECOND)),
    ("a dead process is asked again", {}, {"crashes": 1}, DIED, Ask(delay=2 * SECOND)),
    ("… then an incident", {}, {"tries": 3}, CANNOT_TELL, held(Reason.OUTCOME_UNKNOWN)),
    ("… an incident also if optional", {"optional": True}, {"tries": 3}, LOST, held(Reason.OUTCOME_UNKNOWN)),
    ("a poisonous probe", {}, {"crashes": POISON}, DIED, held(Reason.CRASHED)),
]

BACK: list[tuple[str, dict[str, Any], dict[str, Any], Outcome, Verdict]] = [
    ("done", {}, {}, DONE, Undone()),
    ("done, and no result is wanted", {}, {}, UNSTORABLE, Undone()),
    ("nothing there", {}, {"happened": MAYBE}, GONE, Undone()),
    ("nothing there of what is known", {}, {"happened": YES}, GONE, held(Reason.COMPENSATION_ABSENT)),
    ("refused", {}, {}, NO_THANKS, held(Reason.COMPENSATION_REFUSED)),
    ("not now", {}, {}, LATER, Again(delay=5 * SECOND / 2)),
    ("not now, as late as asked for", {}, {}, NotNow(error="", after=60 * SECOND), Again(delay=60 * SECOND)),
    ("unknown is repeated", {}, {}, LOST, Again(delay=5 * SECOND / 2)),
    ("… whatever the action is", {"idempotent": False}, {}, LOST, Again(delay=5 * SECOND / 2)),
    ("… and never probed", {"probe": charge}, {}, LOST, Again(delay=5 * SECOND / 2)),
    ("… for no less than its own budget", {}, {"tries": 19}, LOST, Again(delay=timedelta(minutes=5))),
    ("… no longer", {}, {"tries": 20}, LOST, held(Reason.COMPENSATION_EXHAUSTED)),
    ("optional or not", {"optional": True}, {"tries": 20}, LOST, held(Reason.COMPENSATION_EXHAUSTED)),
    ("no total time ends it", {"total": SECOND}, {"elapsed": timedelta(days=9)}, LATER, Again(delay=5 * SECOND / 2)),
    ("shut out is tried patiently", {}, {}, LOCKED_OUT, Again(delay=timedelta(minutes=10))),
    ("died", {}, {"crashes": 1}, DIED, Again(delay=NOTHING)),
    ("poison", {}, {"crashes": POISON}, DIED, held(Reason.CRASHED)),
]


def cases(rows: list[Any]) -> Any:
    return pytest.mark.parametrize(
        ("policy", "numbers", "came", "verdict"), [r[1:] for r in rows], ids=[r[0] for r in rows]
    )


@cases(FORWARD)
def test_forward(policy: dict[str, Any], numbers: dict[str, Any], came: Outcome, verdict: Verdict) -> None:
    assert judge(a_step(**policy), standing(**numbers), came, chance=0.5) == verdict


@cases(PROBED)
def test_a_probe(policy: dict[str, Any], numbers: dict[str, Any], came: Outcome, verdict: Verdict) -> None:
    asked = standing(Doing.PROBE, **numbers)
    assert judge(a_step(probe=charge, **policy), asked, came, chance=0.5) == verdict


@cases(BACK)
def test_on_the_way_back(policy: dict[str, Any], numbers: dict[str, Any], came: Outcome, verdict: Verdict) -> None:
    undoing = standing(Doing.COMPENSATION, draining=True, **numbers)
    assert judge(a_step(**policy), undoing, came, chance=0.5) == verdict


@pytest.mark.parametrize("doing", [Doing.ACTION, Doing.PROBE])
@pytest.mark.parametrize("came", [DONE, UNSTORABLE, NO_THANKS, HALF, LATER, LOST, DIED, LOCKED_OUT, LANDED, NOT_LANDED])
def test_while_draining_nothing_is_repeated_probed_or_held(doing: Doing, came: Outcome) -> None:
    draining = standing(doing, draining=True, crashes=POISON, tries=99)
    assert judge(a_step(probe=charge, idempotent=False), draining, came) == Drained()


def test_an_action_finds_nothing_absent() -> None:
    with pytest.raises(AssertionError, match="is not an outcome of a action"):
        judge(a_step(), standing(), GONE)


KNOWN: list[tuple[Outcome, Happened, Happened, Happened]] = [
    # came          from no  maybe  yes
    (DONE, YES, YES, YES),
    (UNSTORABLE, YES, YES, YES),
    (HALF, YES, YES, YES),
    (LANDED, YES, YES, YES),
    (NO_THANKS, NO, MAYBE, YES),
    (LATER, NO, MAYBE, YES),
    (LOCKED_OUT, NO, MAYBE, YES),
    (GONE, NO, MAYBE, YES),
    (LOST, MAYBE, MAYBE, YES),
    (DIED, MAYBE, MAYBE, YES),
    (NOT_LANDED, NO, MAYBE, YES),
    (CANNOT_TELL, NO, MAYBE, YES),
]


@pytest.mark.parametrize(("came", "no", "maybe", "yes"), KNOWN, ids=lambda value: getattr(value, "code", None))
def test_an_outcome_speaks_of_its_own_attempt_only(came: Outcome, no: Happened, maybe: Happened, yes: Happened) -> None:
    assert [learn(prior, came) for prior in (NO, MAYBE, YES)] == [no, maybe, yes]


@pytest.mark.parametrize("came", [row[0] for row in KNOWN if row[0] != NOT_LANDED])
@pytest.mark.parametrize("prior", [NO, MAYBE, YES])
def test_only_an_answer_of_not_landed_can_be_final(prior: Happened, came: Outcome) -> None:
    assert learn(prior, came, final=True) == learn(prior, came)


@pytest.mark.parametrize(("prior", "known"), [(NO, NO), (MAYBE, NO), (YES, YES)])
def test_a_final_probe_takes_a_doubt_back_but_not_what_is_known(prior: Happened, known: Happened) -> None:
    assert learn(prior, NOT_LANDED, final=True) == known
