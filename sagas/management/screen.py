"""What a terminal shows of sagas; for scripts, JSON instead."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sagas import operations
from sagas.engine.explain import explain
from sagas.engine.timeline import Entry
from sagas.models import Callback, Saga

SIGNS = {"good": "✓", "trouble": "✗", "back": "↶", "person": "●", "plain": "·", "quiet": " "}
COLOURS = {"good": "green", "trouble": "red", "back": "blue", "person": "bold magenta", "quiet": "bright_black"}
WIDEST = 1000
"""A list is as wide as what stands in it: a key that is cut off cannot be copied."""
OF_STATE = {
    "completed": "green",
    "compensated": "blue",
    "cancelled": "blue",
    "compensating": "blue",
    "stuck": "bold magenta",
    "failed": "bold red",
}


class Screen:
    """A terminal, a file, or a script that reads JSON and nothing else (`for_scripts`).

    Texts come from participants and callers: nothing in them moves the cursor.
    """

    def __init__(self, out: IO[str], *, colour: bool = True, for_scripts: bool = False) -> None:
        self.for_scripts = for_scripts
        look: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False, "no_color": not colour or None}
        self.console = Console(file=out, quiet=for_scripts, **look)
        self._day = ""

    def json(self, document: Any) -> None:
        """One JSON document, for scripts."""
        if self.for_scripts:
            self.raw(json.dumps(document, cls=DjangoJSONEncoder, indent=2))

    def raw(self, text: str) -> None:
        """A text as it is, such as a picture."""
        self.console.file.write(text if text.endswith("\n") else f"{text}\n")

    def say(self, sentence: str, style: str = "") -> None:
        """A line of text."""
        self.console.print(plain(sentence), style=style or Style())

    def sagas(self, sagas: Iterable[Saga]) -> None:
        """Sagas, a line each."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("id", "saga", "key", "state", "since (UTC)", "needs a person"):
            table.add_column(name, no_wrap=True)
        for saga in sagas:
            state = Text(saga.state, OF_STATE.get(saga.state, ""))
            person = f"{saga.open_incidents} incident(s)" if saga.open_incidents else ""
            about = f"{saga.definition} {saga.version}"
            at = f"{saga.updated_at:%Y-%m-%d %H:%M:%S}"
            table.add_row(str(saga.pk), about, plain(saga.business_key or ""), state, at, person)
        self.table(table)

    def table(self, table: Table) -> None:
        """A table, as wide as what stands in it."""
        wanted = Measurement.get(self.console, self.console.options.update(max_width=WIDEST), table).maximum
        width, self.console.width = self.console.width, wanted
        self.console.print(table)
        self.console.width = width

    def head(self, saga: Saga) -> None:
        """The first lines about a saga."""
        title = Text(saga.definition, "bold")
        title.append(f" {plain(saga.business_key)}" if saga.business_key else "", "bold")
        title.append("  ").append(saga.state, OF_STATE.get(saga.state, ""))
        self.console.print(title.append(f"  {saga.pk}", "bright_black"))
        if saga.parent is not None:
            self.say(f"a child of saga {saga.parent.saga_id} ({saga.parent.path})", "bright_black")
        if saga.cloned_from_id:
            self.say(f"a clone of saga {saga.cloned_from_id}", "bright_black")

    def story(self, entries: Iterable[Entry], *, details: bool = False) -> None:
        """What happened, a line each, in UTC; with `details` all of it."""
        for entry in entries:
            if entry.tone != "quiet" or details:
                self._turn_the_page(entry.at)
                line = Text(f"  {entry.at:%H:%M:%S}.{entry.at.microsecond // 1000:03d}  ", "bright_black")
                line.append(f"{SIGNS[entry.tone]} {plain(entry.text)}", COLOURS.get(entry.tone, ""))
                actor = f"  {entry.actor}" if entry.actor not in entry.text else ""
                self.console.print(line.append(plain(actor), "bright_black"))

    def foot(self, saga: Saga) -> None:
        """What it waits for, or how it ended; what is left of it; and what can be done about it."""
        self.say(explain(saga))
        left = operations.effects_in_place(saga) if saga.ended_at and saga.state != "completed" else []
        if left:
            self.say(f"Left in place: {', '.join(run.path for run in left)}.", "red")
        for untold in Callback.objects.untold().filter(saga_id=saga.pk):
            self.say(f"Nobody was told of its end{'' if untold.done_at else ' yet'}: {untold.error}", "red")
        if verbs := operations.allowed(saga):
            self.say(f"Possible now: {', '.join(verb.replace('_', '-') for verb in verbs)}.", "bright_black")

    def _turn_the_page(self, at: datetime) -> None:
        day = f"{at:%Y-%m-%d}"
        if day != self._day:
            self.say(f"{day} (UTC)", "bright_black")
            self._day = day


def plain(text: str) -> str:
    """A text without what a terminal would obey, on one line."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", " ", text)
