"""DIE_AT=shipped:2 ends the process with SIGKILL when it passes that boundary for the second time."""

import os
import signal

from django.apps import AppConfig


class PostedConfig(AppConfig):
    name = "tests.acceptance.posted"
    label = "posted"

    def ready(self) -> None:
        from sagas.words import boundaries

        place, _, times = os.environ.get("DIE_AT", "").partition(":")
        passed = 0

        def die(name: str) -> None:
            nonlocal passed
            passed += name == place
            if place and passed == int(times):
                os.kill(os.getpid(), signal.SIGKILL)

        boundaries._watchers.append(die)
