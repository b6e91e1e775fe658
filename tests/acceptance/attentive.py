"""The product's settings, with a canary that loses patience soon."""

from datetime import timedelta

from orchestrator.settings import *  # noqa: F403
from orchestrator.settings import SAGAS as _SAGAS

SAGAS = {**_SAGAS, "CANARY_EVERY": timedelta(seconds=1), "DEAF_AFTER": timedelta(seconds=10)}
