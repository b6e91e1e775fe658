"""Participants that were held: nobody begins a step of theirs meanwhile, and what waited goes on afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.soak.checker.record import Connection, Story, moment, values
from tests.soak.checker.sums import Sums
from tests.soak.disturbed import Disturbance

CALLS = {"reserve": "stock", "lines": "stock", "charge": "payments", "award": "loyalty"}
"""Whom each step calls, forward and back."""
BEGINS = ("claimed", "asked")
HEARD = timedelta(seconds=5)
"""So long after it a worker has heard of a hold: it looks every second, beside all that its process does."""
STOOD_STILL = ("worker frozen", "child frozen", "worker halted")
"""Who stood still meanwhile has heard of nothing."""
HOLDS = """
    SELECT participant, held_at, released_at, ended_at, canaries,
        (SELECT count(*) FROM sagas_run r WHERE r.hold_id = h.id)
    FROM sagas_hold h ORDER BY id
"""


@dataclass(frozen=True)
class Hold:
    """One of them, from when to when, and the sagas that might pass."""

    participant: str
    began: datetime
    released: datetime | None
    ended: datetime | None
    canaries: frozenset[str]
    waiting: int


def every(line: Connection) -> list[Hold]:
    """All of them."""
    return [
        Hold(
            participant,
            moment(held_at),
            moment(released_at),
            moment(ended_at),
            frozenset(str(one["saga"]) for one in values(canaries)),
            waiting,
        )
        for participant, held_at, released_at, ended_at, canaries, waiting in line.execute(HOLDS)
    ]


def check(line: Connection, sums: Sums) -> None:
    """Each has ended, and nothing waits for it."""
    for hold in every(line):
        sums["what waited for a participant goes on"].see(
            hold.ended is not None and not hold.waiting,
            f"{hold.participant}, held at {hold.began}: ended {hold.ended}, and {hold.waiting} steps wait",
        )


def calls(holds: Sequence[Hold], stories: Iterable[Story], faults: Sequence[Disturbance], sums: Sums) -> dict[str, int]:
    """Steps that were begun while their participant was held, and are not a canary's; how many steps were parked."""
    still = [fault for fault in faults if fault.kind in STOOD_STILL]
    sure = [hold for hold in holds if hold.released and not any(f.overlaps(hold.began, hold.released) for f in still)]
    sums["nobody begins a step of a participant that is held"].looked_at += len(sure)
    parked = 0
    for story in stories:
        for entry in story.journal:
            for move in entry.moves:
                parked += move.get("did") == "parked"
                if move.get("did") in BEGINS and (hold := _held(sure, story, entry.at, CALLS.get(move["step"]))):
                    sentence = f"{move['step']} of {story.saga.id} at {entry.at}; {hold.participant} since {hold.began}"
                    sums["nobody begins a step of a participant that is held"].see(False, sentence)
    return {"holds": len(holds), "steps that waited": parked}


def _held(holds: Sequence[Hold], story: Story, at: datetime, participant: str | None) -> Hold | None:
    if story.saga.parent is not None:  # a canary takes its children along
        return None
    mine = (hold for hold in holds if hold.participant == participant and story.saga.id not in hold.canaries)
    return next((hold for hold in mine if hold.released and hold.began + HEARD < at < hold.released), None)
