"""What an attempt may come to, by what it is an attempt of."""

from random import Random

from sagas.words.outcome import Absent, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable, Wrong
from sagas.words.rows import Approval, Each, Wait
from sagas.words.verdict import Doing
from tests.sagas.model.memory import Row
from tests.sagas.model.story import landed

DIED = Lost(error="†", died=True)
HALF = Refused(error="half", partly=True)
REFUSED, LATER, LOST = Refused(error="no"), NotNow(error="later"), Lost(error="?")
SHUT_OUT, UNSTORABLE, WRONG = ShutOut(error="who?"), Unstorable(error="!"), Wrong(error="?!")
LANDED, NOT_LANDED, CANNOT_TELL = Probed(landed=True), Probed(landed=False), Probed(landed=None)

TROUBLES: dict[Doing, tuple[list[Outcome], tuple[int, ...]]] = {
    Doing.ACTION: ([REFUSED, LATER, LOST, SHUT_OUT, DIED, UNSTORABLE, HALF], (3, 4, 5, 1, 3, 1, 1)),
    Doing.COMPENSATION: (
        [REFUSED, LATER, LOST, SHUT_OUT, DIED, UNSTORABLE, Absent(error="none")],
        (1, 1, 1, 1, 1, 1, 1),
    ),
    Doing.PROBE: ([NOT_LANDED, CANNOT_TELL, SHUT_OUT, DIED, UNSTORABLE], (3, 1, 1, 1, 1)),
    Doing.DECISION: ([REFUSED, WRONG, DIED, LATER], (3, 2, 2, 1)),
}
LATE: list[Outcome] = [Succeeded(result={}), Succeeded(result={}), HALF, REFUSED]


def an_outcome(chance: Random, row: Row, mood: float) -> Outcome:
    """What the attempt under way comes to; the worse the mood, the worse."""
    if getattr(row.row, "pivot", False):
        mood = min(mood * 2, 0.8)
    if chance.random() < mood and (row.doing is not Doing.DECISION or chance.random() < 0.4):
        outcomes, weights = TROUBLES[row.doing]
        came = chance.choices(outcomes, weights)[0]
        if came != REFUSED or row.doing is not Doing.DECISION or _may_say_no(row):
            return came
    if row.doing is Doing.DECISION:
        return Succeeded(result=_answer(chance, row))
    return LANDED if row.doing is Doing.PROBE else Succeeded()


def late_word(chance: Random, doing: Doing) -> Outcome:
    came = chance.choice(LATE)
    return Probed(landed=landed(came)) if doing is Doing.PROBE else came


def brief(came: Outcome | None) -> str:
    match came:
        case Lost(died=True):
            return "Died"
        case Refused(partly=True):
            return "RefusedPartly"
        case Probed(landed=landed):
            return f"Probed({landed})"
        case Succeeded(result=dict() as result):
            return str(result)
    return type(came).__name__ if came else ""


def _may_say_no(row: Row) -> bool:
    """Can its functions raise `Abort` at this point?"""
    if row.state != "waiting":
        return True
    match row.row:
        case Wait(accept=accept):
            return accept is not None
        case Approval(on_no=on_no):
            return on_no == "compensate"
    return False


def _answer(chance: Random, row: Row) -> dict[str, object]:
    if row.state == "waiting":
        return {"result": True}
    if row.row.when is not None and chance.random() < 0.3:
        return {"taken": False}
    if isinstance(row.row, Each):
        return {"taken": True, "items": list(range(chance.choice((0, 1, 2, 3, 4))))}
    return {"taken": True}
