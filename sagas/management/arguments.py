"""What each command of `manage.py saga` takes, and how its words are read."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gateway.callers import DEFAULT_TENANT
from gateway.management.spans import span
from sagas.record import clock
from sagas.words.lifecycle import SagaState

Declare = Callable[[ArgumentParser], None]
"""Adds arguments to a command's parser."""

JSON_HELP = "as JSON, as @FILE, or as - for standard input"
TIME_HELP = "such as 2026-12-24T18:00:00+01:00, +30m, +2h, +1d or now"


def together(*parts: Declare) -> Declare:
    """All of them, in that order."""

    def declare(parser: ArgumentParser) -> None:
        for part in parts:
            part(parser)

    return declare


def a_saga(parser: ArgumentParser) -> None:
    """Which saga is meant."""
    parser.add_argument("saga", help="its id, the beginning of its id, or its business key")


def a_tenant(parser: ArgumentParser) -> None:
    """Whose sagas are meant."""
    parser.add_argument("--tenant", default=DEFAULT_TENANT, help="whose sagas are meant (default: %(default)s)")


def a_reason(parser: ArgumentParser) -> None:
    """What every verb takes."""
    parser.add_argument("--reason", default="", help="why; it is written into the audit")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    follow(parser)


def follow(parser: ArgumentParser) -> None:
    """Watching a saga."""
    parser.add_argument("--follow", action="store_true", help="watch the saga until it ends; see the exit status")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="with --follow: watch no longer than that")
    parser.add_argument("--all", action="store_true", dest="details", help="every detail of its story")


def a_step(parser: ArgumentParser) -> None:
    """Which step is meant."""
    parser.add_argument("--step", required=True, help="the step that is meant")
    parser.add_argument("--item", type=int, default=0, help="which item of a list, counted from 0")


def maybe_a_step(parser: ArgumentParser) -> None:
    """Which step is meant, if it is one alone."""
    parser.add_argument("--step", help="that step alone")
    parser.add_argument("--item", type=int, help="that item of a list alone, counted from 0")


def an_input(parser: ArgumentParser) -> None:
    """An edited input; none is not an input of null."""
    parser.add_argument("--input", type=as_json, default=NOTHING, help=f"another input, {JSON_HELP}")


def a_result(parser: ArgumentParser) -> None:
    """A result that is supplied."""
    parser.add_argument("--result", type=as_json, help=f"the step's result, {JSON_HELP}")


def landed(parser: ArgumentParser) -> None:
    """Whether a step in doubt happened."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--landed", action="store_true", default=None, help="it happened")
    which.add_argument("--not-landed", dest="landed", action="store_false", default=None, help="it did not happen")


def decision(parser: ArgumentParser) -> None:
    """A yes or a no."""
    parser.add_argument("--step", help="the approval that is decided; not needed where one alone is open")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--yes", dest="approved", action="store_true", default=None)
    which.add_argument("--no", dest="approved", action="store_false", default=None)
    parser.add_argument("--form", type=as_json, help=f"the values of its form, {JSON_HELP}")


def new_time(parser: ArgumentParser) -> None:
    """Which clock is moved, and to when."""
    parser.add_argument("--at", type=as_time, required=True, metavar="TIME", help=f"the new time, {TIME_HELP}")
    parser.add_argument("--step", help="the step whose clock is moved; without one it is the saga's deadline")
    parser.add_argument("--item", type=int, default=0, help="which item of a list, counted from 0")


def children(parser: ArgumentParser) -> None:
    """Whether the children are halted, too."""
    parser.add_argument("--without-children", dest="children", action="store_false", help="leave its children alone")


def clone(parser: ArgumentParser) -> None:
    """What a clone has of its own."""
    an_input(parser)
    parser.add_argument("--key", dest="business_key", help="the business key of the new saga")
    confirm = "effects of the original are still in place, and may be there twice: so be it"
    parser.add_argument("--confirm-effects", action="store_true", help=confirm)


def start(parser: ArgumentParser) -> None:
    """How a saga begins."""
    parser.add_argument("definition", help="the saga's name")
    parser.add_argument("--input", type=as_json, help=f"its input, {JSON_HELP}")
    parser.add_argument("--key", help="its business key")
    duplicate = "when an open saga holds the business key (default: return that one)"
    parser.add_argument(
        "--on-duplicate", choices=["return", "refuse", "replace", "queue"], default="return", help=duplicate
    )
    parser.add_argument("--label", action="append", type=as_label, default=[], metavar="NAME=VALUE")
    priority = "from -100 to 100: above 0 overtakes all that waits, below 0 comes last (default: 0)"
    parser.add_argument("--priority", type=int, default=0, help=priority)
    parser.add_argument("--at", type=as_time, metavar="TIME", help=f"when it begins, {TIME_HELP}")
    parser.add_argument("--version", type=int, help="the definition's version (default: the highest)")
    a_tenant(parser)
    follow(parser)


def listing(parser: ArgumentParser) -> None:
    """Which sagas are listed."""
    parser.add_argument("--all", action="store_true", help="ended sagas as well")
    parser.add_argument("--needs-person", action="store_true", help="only those with an open incident")
    parser.add_argument("--definition", help="only sagas of that name")
    parser.add_argument("--state", choices=[str(state) for state in SagaState], help="only those in that state")
    parser.add_argument("--key", help="only those with that business key, ended ones as well")
    parser.add_argument("--limit", type=int, default=50, help="how many at most, the newest first (default: 50)")


def signal(parser: ArgumentParser) -> None:
    """What a saga is told."""
    parser.add_argument("name", help="the signal's name")
    parser.add_argument("--payload", type=as_json, help=JSON_HELP)
    parser.add_argument("--id", help="the sender's own id, so that a repeated signal is known")
    parser.add_argument("--definition", help="SAGA is the business key of an open saga of that name")
    parser.add_argument("--tenant", default=DEFAULT_TENANT, help="with --definition: whose (default: %(default)s)")
    missing = f"with --definition: begin a saga with this input where none is open, {JSON_HELP}"
    parser.add_argument("--start-if-missing", type=as_json, default=NOTHING, metavar="INPUT", help=missing)


def diagram(parser: ArgumentParser) -> None:
    """What is drawn."""
    parser.add_argument("definition", help="a saga's name, or one saga, whose rows are coloured by how they stand")
    parser.add_argument("--format", choices=["mermaid", "svg", "dot"], default="mermaid")
    parser.add_argument("--version", type=int, help="the definition's version (default: the highest)")


def matrix(parser: ArgumentParser) -> None:
    """What is rehearsed."""
    parser.add_argument("definition", help="the saga's name")
    parser.add_argument("--version", type=int, help="the definition's version (default: the highest)")
    parser.add_argument("--input", type=as_json, help=f"its input, {JSON_HELP}")


def old(parser: ArgumentParser) -> None:
    """What is removed."""
    age = "how long ago it must have ended, such as 90d or 12h"
    parser.add_argument("--older-than", type=span, required=True, metavar="AGE", help=age)
    archive = "a new file for all that is removed, a row a line; manage.py loaddata reads it if it ends in .jsonl"
    parser.add_argument("--archive", metavar="FILE", help=archive)
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")


def nothing(parser: ArgumentParser) -> None:
    """No arguments."""


NOTHING: Any = object()


def as_json(text: str) -> Any:
    """JSON from the argument itself, a file, or standard input."""
    try:
        if text == "-":
            return json.load(sys.stdin)
        if text.startswith("@"):
            with open(text[1:], encoding="utf-8") as file:
                return json.load(file)
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise ArgumentTypeError(f"this is not JSON ({error}); write '{{\"name\": 1}}', @file.json or -") from None


def as_time(text: str) -> datetime:
    """A time, or how long it is until then; one without a time zone is meant where the terminal is."""
    if text == "now":
        return clock.now()
    try:
        if text.startswith("+"):
            return clock.now() + span(text[1:])
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.astimezone()
    except (ValueError, OverflowError, ArgumentTypeError):
        raise ArgumentTypeError(f"write the time {TIME_HELP}") from None


def as_label(text: str) -> tuple[str, str]:
    """A label's name and value."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ArgumentTypeError("write a label as NAME=VALUE")
    return name, value


def seconds(text: str) -> timedelta:
    """A number of seconds."""
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise ArgumentTypeError("write a number of seconds") from None
