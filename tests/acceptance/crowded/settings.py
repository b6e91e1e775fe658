"""The product's settings, where bells alone move sagas, or, without bells, the look at the door alone."""

import os
from datetime import timedelta

from orchestrator.settings import *  # noqa: F403
from orchestrator.settings import SAGAS as _SAGAS

SAGAS = {
    **_SAGAS,
    "RING_AGAIN_AFTER": timedelta(seconds=30),  # for a message that a busy machine lost: in turn, so it tells nothing
    "LOOK_AFTER": timedelta(0) if os.environ.get("AT_THE_DOOR") else timedelta(hours=1),
}
