"""The product's settings, where another process soon takes the place of one that died."""

from datetime import timedelta

from orchestrator.settings import *  # noqa: F403
from orchestrator.settings import SAGAS as _SAGAS

SAGAS = {**_SAGAS, "EVENT_LEASE": timedelta(seconds=4)}
