"""Real orders through a real coordinator, with real trouble: `python -m examples.shop.demo`.

It starts the embedded default (`manage.py up`) and the shop's services in a folder of its own, runs the orders of
`demo_stories` over the REST API, kills the coordinator in the middle, and shows what came of every order. It exits
with 0 only if all of them ended as they must.
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
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from examples.shop.client import Participants
from examples.shop.demo_orchestrator import Orchestrator
from examples.shop.demo_report import report
from examples.shop.demo_stories import KILLED, TROUBLED, Story
from examples.shop.demo_timeline import Ended

PATIENCE = 120.0  # seconds for a round of orders; on an idle machine the longest takes about 21
LOOK_EVERY = 0.2


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
    """Start everything, let the orders run, kill the coordinator, and report. True when all ended as they must."""
    with ExitStack() as running:
        with console.status("Starting four services and the coordinator …"):
            shop = running.enter_context(Participants(data / "services"))
            orchestrator = running.enter_context(Orchestrator(data, shop.services))
        console.print(f"The coordinator runs at {orchestrator.url}, beside it the services {', '.join(shop.urls)}.\n")
        demo = Demo(shop, orchestrator, console)
        ended = [*demo.orders_in_trouble(), *demo.orders_in_a_crash()]
        return report(ended, shop, orchestrator, console)


class Demo:
    """What happens, in the order in which it happens."""

    def __init__(self, shop: Participants, orchestrator: Orchestrator, console: Console) -> None:
        self.shop, self.orchestrator, self.console = shop, orchestrator, console

    def orders_in_trouble(self) -> list[Ended]:
        """Participants decline, fail, fall silent and refuse, all at the same time."""
        self._say(f"{len(TROUBLED)} orders begin, most of them with trouble ahead.")
        return self._until_ended(self._begin(TROUBLED))

    def orders_in_a_crash(self) -> list[Ended]:
        """The coordinator is killed while two charges are under way, and started again."""
        self._say(f"{len(KILLED)} more orders begin; payments keeps their charges waiting.")
        sagas = self._begin(KILLED)
        self.shop.wait_until_held("payments", len(KILLED))
        self.orchestrator.kill()
        self._say("[bold red]kill -9[/]: web server, worker, beat and broker are gone, in mid-charge.")
        self.orchestrator.start()
        self._say("Started again. Nobody tells it what it was doing; it reads that in its database.")
        ended = self._until_ended(sagas)
        self.shop.release("payments")  # the calls of the dead process get through now: the barrier ignores them
        return ended

    def _begin(self, stories: Sequence[Story]) -> dict[str, Story]:
        for story in stories:
            story.prepare(self.shop)
        return {self.orchestrator.begin(story): story for story in stories}

    def _until_ended(self, sagas: dict[str, Story]) -> list[Ended]:
        """Watch, help where a person is needed, and give what came of them, also of those that do not end."""
        found = {saga: self._read(saga, story) for saga, story in sagas.items()}
        until = time.monotonic() + PATIENCE
        with self.console.status("") as status:
            while (open_ones := [saga for saga in sagas if not found[saga].ended]) and time.monotonic() < until:
                status.update(f"{sagas[open_ones[0]].order}: {escape(found[open_ones[0]].saga['next'])}")
                time.sleep(LOOK_EVERY)
                for saga in open_ones:
                    found[saga] = self._read(saga, sagas[saga])
                    self._attend(found[saga])
        return list(found.values())

    def _attend(self, order: Ended) -> None:
        """Tell when it has ended, and do what the person on call does."""
        name, reason = order.story.order, order.story.operator
        if order.ended:
            self._say(f"[bold]{name}[/] is {order.saga['state']}.")
        for incident in order.saga["incidents"]:
            if reason and not incident["retried_at"]:
                self._say(f"[bold]{name}[/] needs a person: {escape(incident['sentence'])}")
                self._say(f"The operator retries it: “{reason}”")
                self.orchestrator.retry(order.saga["id"], reason)

    def _read(self, saga: str, story: Story) -> Ended:
        return Ended(story, self.orchestrator.saga(saga), self.orchestrator.journal(saga))

    def _say(self, sentence: str) -> None:
        self.console.print(f"  {time.strftime('%H:%M:%S')}  {sentence}")


def _leave(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
