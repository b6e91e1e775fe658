"""What people do about a participant: hold it, send one saga ahead, release it. Nobody calls it meanwhile."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from sagas.record import clock
from tests.blackbox.keys import ByKey
from tests.blackbox.life import Life
from tests.blackbox.participants import SHOP
from tests.blackbox.site import CALL_THE_SHOP, Answer

PARTICIPANT = f"/api/v1/participants/{SHOP}/"


class Holders(ByKey):
    """The rules about the participant that some steps call; what was answered is held against the calls it gets."""

    lives = ByKey.lives

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.until: datetime | None = None
        self.ahead: set[str] = set()
        """The sagas that may call it all the same."""
        self.heard = 0
        """So many calls of all were looked at."""

    @rule(hours=st.sampled_from([None, None, 2]))
    def hold(self, hours: int | None) -> None:
        """Until it is released, or for some hours."""
        until = clock.now() + timedelta(hours=hours) if hours else None
        about = {"until": until.isoformat()} if until else {}
        if self._ask("hold", **about).status == 200:
            self.held, self.until, self.ahead = True, until, set()
            self._stands("held")

    @rule(rate=st.sampled_from([None, 10]))
    def release(self, rate: int | None) -> None:
        """All at once, or so many a second."""
        found = self._ask("release", **({"rate": rate} if rate else {}))
        if found.status == 200:
            self.held = False
            self.must(found.body["state"] != "held", "a participant was released and is held")

    @rule(life=lives)
    def send_ahead(self, life: Life) -> None:
        """One saga may call it all the same."""
        self.site.touched.add(life.id)
        found = self._ask("canary", saga=life.id)
        if found.status == 200:
            self.ahead.add(life.id)
            self.must(
                life.id in [one["saga"] for one in found.body["canaries"]], f"{life} was sent ahead, and is not shown"
            )
        else:
            self.must(found.code in ("none_waits", "not_held"), f"{life} was not sent ahead: {found.code}")

    @invariant()
    def nobody_calls_who_is_held(self) -> None:
        """But those that were sent ahead, and workers that had begun before."""
        calls, first = self.site.ledger.calls, self.heard
        self.heard = len(calls)
        for number, key in enumerate(calls[first:], first):
            saga_id, step = key.split(":")[:2]
            free = step not in CALL_THE_SHOP or saga_id in self.ahead or number in self.site.begun_before
            self.must(free or not self.is_held(), f"{step} of {saga_id} called a participant that is held")

    def is_held(self) -> bool:
        """By what was answered, and by the clock."""
        return self.held and (self.until is None or self.until > clock.now())

    def _ask(self, verb: str, **about: Any) -> Answer:
        """Ask for a verb, and hold the answer against what the participant said it allows."""
        before = self.site.get(PARTICIPANT).body
        self._stands("held" if self.is_held() else before["state"], before)
        found = self.site.post(f"{PARTICIPANT}{verb}/", {"reason": "because", **about})
        refused = (409,) if verb not in before["links"] else (200, 409) if verb == "canary" else (200,)
        self.must(
            found.status in refused, f"{verb} was answered with {found.status}, and {list(before['links'])} listed"
        )
        return found

    def _stands(self, state: str, shown: dict[str, Any] | None = None) -> None:
        said = (shown or self.site.get(PARTICIPANT).body)["state"]
        self.must(said == state, f"the participant should be {state} and is shown as {said}")
