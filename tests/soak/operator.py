"""An operator who holds a participant, sends a saga ahead, and releases it again."""

import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.soak.caller import Caller, Said
from tests.soak.promises import Deed, Promises

AGAIN = 0.5
PATIENCE = 60.0


class Operator:
    """Asks over REST until there is an answer; each request has a reason of its own."""

    def __init__(self, caller: Callable[[], Caller], promises: Promises) -> None:
        self._caller, self._promises = caller, promises
        self._numbers = itertools.count()

    def do(self, verb: str, participant: str, **body: Any) -> Said:
        """The answer that was final, or the last one there was."""
        caller, until = self._caller(), time.monotonic() + PATIENCE
        try:
            while not (said := self._ask(caller, verb, participant, body)).is_final and time.monotonic() < until:
                time.sleep(AGAIN)
            return said
        finally:
            caller.close()

    def _ask(self, caller: Caller, verb: str, participant: str, body: dict[str, Any]) -> Said:
        reason = f"soak {verb} of {participant} {next(self._numbers)}"
        said = caller.ask("POST", f"{participant}/{verb}/", {"reason": reason, **body}, of="participants")
        self._promises.did(Deed(verb=verb, saga="", reason=reason, status=said.status, code=said.code))
        return said
