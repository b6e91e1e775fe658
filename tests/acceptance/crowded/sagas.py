"""Two sagas of one step that does nothing, once the gate is open: GATE names a file, and without one it is open."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sagas import saga, step

GATE = Path(os.environ.get("GATE", "/"))


def pass_the_gate(ctx: Any) -> None:
    while not GATE.exists():
        time.sleep(0.02)


passing = step(pass_the_gate, reads_only=True, timeout=timedelta(minutes=10))
crowd = saga("crowd", passing)
other = saga("other", passing)
