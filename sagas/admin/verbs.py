"""The verbs as people see them: what each is called, and what it does in general."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sagas.models import Incident, Saga
from sagas.words.verdict import Reason


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One verb: its name in the code, its button, and what it does in general."""

    name: str
    label: str
    about: str
    done: str
    is_grave: bool = False

    @property
    def slug(self) -> str:
        return self.name.replace("_", "-")


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            name="retry",
            label="Retry",
            about="What needs a person, or waits for its next try, is tried now.",
            done="Accepted. It is tried now; it has recovered when its incident is closed.",
        ),
        Verb(
            name="resolve",
            label="Resolve",
            about="You know whether a step in doubt happened, from its participant or from whoever runs it; "
            "your reason is the evidence.",
            done="What is known of the step is recorded.",
        ),
        Verb(
            name="decide",
            label="Decide",
            about="You say yes or no where a person is asked. The first decision counts.",
            done="Your decision is recorded.",
        ),
        Verb(
            name="skip",
            label="Skip",
            about="The saga goes on without a step, with the result that you supply. "
            "What the step may have done stays, and is undone if the saga goes back.",
            done="The step is skipped.",
        ),
        Verb(
            name="waive",
            label="Waive",
            about="A compensation that is stuck was done by hand; your reason is the evidence.",
            done="The compensation counts as done by hand.",
        ),
        Verb(
            name="reschedule",
            label="Move a clock",
            about="A clock of the saga is moved. A time that is past fires at once.",
            done="The clock is moved.",
        ),
        Verb(name="signal", label="Signal", about="You tell the saga what the outside did not.", done="It is stored."),
        Verb(
            name="pause",
            label="Pause",
            about="Nothing new begins; what runs is recorded, signals are kept, and its patience stands still.",
            done="The saga is paused.",
        ),
        Verb(
            name="resume",
            label="Resume",
            about="The saga goes on. What came during the pause is taken before any clock fires.",
            done="The saga goes on.",
        ),
        Verb(
            name="compensate",
            label="Compensate",
            about="The saga turns back and undoes what it did; it ends compensated.",
            done="The saga goes back.",
            is_grave=True,
        ),
        Verb(
            name="cancel",
            label="Cancel",
            about="The saga turns back and undoes what it did; it ends cancelled.",
            done="The saga goes back.",
            is_grave=True,
        ),
        Verb(
            name="give_up",
            label="Give up",
            about="The saga ends as failed. What it did is left in place, and nobody is told to undo it.",
            done="The saga is given up.",
            is_grave=True,
        ),
        Verb(
            name="tell_again",
            label="Tell again",
            about="Whoever wanted to be told of the saga's end, and did not take it, is told once more.",
            done="It is told within seconds; what came of it stands below, at About it.",
        ),
        Verb(
            name="clone",
            label="Clone",
            about="A new saga begins like this one, on the newest version.",
            done="The new saga has begun; this is its page.",
        ),
    )
}


def in_order(allowed: Collection[str], saga: Saga, incidents: Iterable[Incident]) -> list[Verb]:
    """The verbs that fit, what one would do first in front: of a step in doubt that is to resolve it, not to retry."""
    reasons = {incident.reason for incident in incidents if incident.closed_at is None}
    first = "resume" if saga.paused_at else "resolve" if Reason.OUTCOME_UNKNOWN in reasons else ""
    return sorted((VERBS[name] for name in VERBS if name in allowed), key=lambda verb: verb.name != first)
