"""Real orders through a real coordinator, with real trouble: `python -m examples.shop.demo`.

It starts the coordinator and the notification service (`manage.py up`, one process each) and the shop's services in a
folder of its own, runs the stories of `demo_stories` over the REST API, kills the coordinator in the middle, and shows
what came of every one. It exits with 0 only if all of them ended as they must. The shop's clocks are set to seconds;
none is skipped.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape

from examples.shop.client import Participants
from examples.shop.demo_notifications import NotificationService
from examples.shop.demo_orchestrator import Orchestrator
from examples.shop.demo_report import report
from examples.shop.demo_stories import KILLED, TROUBLED, Story
from examples.shop.demo_timeline import Told

PATIENCE = 120.0  # seconds for a round of stories; on an idle machine the longest takes about 22
LOOK_EVERY = 0.3


def main() -> int:
    """Run the demo in a folder of its own; it stays when something went wrong, or when asked for."""
    parser = argparse.ArgumentParser(description="Real orders through a real coordinator, with real trouble.")
    parser.add_argument("--keep", action="store_true", help="keep the data, to look at it with `manage.py up`")
    keep = parser.parse_args().keep
    console = Console(highlight=False, soft_wrap=True)
    data = Path(tempfile.mkdtemp(prefix="saga-demo-"))
    signal.signal(signal.SIGTERM, _leave)
    if keep:
        console.print(f"The data stays in {data}; afterwards, [bold]DATA_DIR={data} make up[/] shows these sagas.")
    try:
        well = run(data, console)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        shutil.rmtree(data, ignore_errors=True)
        return 130
    except Exception as error:
        console.print_exception()
        console.print(f"The logs are in {data}.\ndemo: it could not be run to its end: {escape(str(error))}")
        return 1
    if well and not keep:
        shutil.rmtree(data, ignore_errors=True)
    return 0 if well else 1


def run(data: Path, console: Console) -> bool:
    """Start everything, let the stories run, kill the coordinator, and report. True when all ended as they must."""
    with ExitStack() as running:
        with console.status("Starting the shop's services, the notification service and the coordinator …"):
            shop = running.enter_context(Participants(data / "services"))
            notifications = running.enter_context(NotificationService(data))
            orchestrator = running.enter_context(Orchestrator(data, shop.services, notifications))
        names = ", ".join(orchestrator.services)
        console.print(f"The coordinator runs at {orchestrator.url}, beside it the services {names}.\n")
        demo = Demo(shop, orchestrator, console)
        told = [*demo.trouble(), *demo.crash()]
        return report(told, shop, orchestrator, console)


class Demo:
    """What happens, in the order in which it happens."""

    def __init__(self, shop: Participants, orchestrator: Orchestrator, console: Console) -> None:
        self.shop, self.orchestrator, self.console = shop, orchestrator, console

    def trouble(self) -> list[Told]:
        """Participants decline, fail, fall silent and refuse, and people keep sagas waiting, all at the same time."""
        self._say(f"{len(TROUBLED)} sagas begin, most of them with trouble ahead.")
        return self._until_ended(self._begin(TROUBLED))

    def crash(self) -> list[Told]:
        """The coordinator is killed while two charges are under way, and started again."""
        self._say(f"{len(KILLED)} more orders begin; payments keeps their charges waiting.")
        sagas = self._begin(KILLED)
        self.shop.wait_until_held("payments", len(KILLED))
        self.orchestrator.kill()
        self._say("[bold red]kill -9[/]: web server, worker, beat and broker are gone, in mid-charge.")
        self.orchestrator.start()
        self._say("Started again. Nobody tells it what it was doing; it reads that in its database.")
        told = self._until_ended(sagas)
        self.shop.release("payments")  # the calls of the dead process get through now: the barrier ignores them
        return told

    def _begin(self, stories: Sequence[Story]) -> dict[str, Story]:
        for story in stories:
            story.prepare(self.shop)
        return {self.orchestrator.begin(story.definition, story.name, story.input): story for story in stories}

    def _until_ended(self, sagas: dict[str, Story]) -> list[Told]:
        """Watch, help where a person is needed, and tell what came of them, also of those that do not end."""
        open_ones, until = dict(sagas), time.monotonic() + PATIENCE
        with self.console.status("") as status:
            while open_ones and time.monotonic() < until:
                for saga, story in list(open_ones.items()):
                    found = self.orchestrator.saga(saga)
                    self._attend(story, found)
                    if found["ended_at"]:
                        del open_ones[saga]
                    elif saga == next(iter(open_ones)):
                        status.update(f"{story.name}: {escape(found['next'])}")
                time.sleep(LOOK_EVERY)
        return [
            Told(story, self.orchestrator.saga(saga), self.orchestrator.journal(saga)) for saga, story in sagas.items()
        ]

    def _attend(self, story: Story, saga: dict[str, Any]) -> None:
        """Tell when it has ended, and let people do what they do."""
        if saga["ended_at"]:
            self._say(f"[bold]{story.name}[/] is {saga['state']}.")
        elif story.person:
            for sentence in story.person.attend(saga, self.orchestrator):
                self._say(f"[bold]{story.name}[/] {sentence}")

    def _say(self, sentence: str) -> None:
        self.console.print(f"  {time.strftime('%H:%M:%S')}  {sentence}")


def _leave(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
