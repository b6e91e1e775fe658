"""A target that the test holds: it notes what it was sent, and says what it was told to say."""

from collections.abc import Callable, Sequence

from gateway.ids import uuid7
from sagas.events import publisher
from sagas.events.targets.target import Away, Outcome, Sent, Target
from sagas.models import OutboxEvent

Says = Callable[[OutboxEvent], Outcome]


class Post(Target):
    """`says` decides about each event; `away` says that nothing can be reached."""

    tries = 3

    def __init__(self, says: Says = lambda event: Sent(), *, away: bool = False) -> None:
        self.says, self.away = says, away
        self.got: list[tuple[str, str]] = []
        self.me = uuid7()

    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        if self.away:
            raise Away("nobody answers")
        outcomes = [self.says(event) for event in events]
        self.got += [(str(e.saga), e.type) for e, said in zip(events, outcomes, strict=True) if isinstance(said, Sent)]
        return outcomes

    def deliver(self, name: str = "bus") -> int:
        """One round."""
        return publisher.publish(name, self, self.me)

    def of(self, saga: object) -> list[str]:
        return [kind for known, kind in self.got if known == str(saga)]
