"""`manage.py saga`: everything that can be asked of sagas and done about them, from a terminal or a script."""

import os
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from gateway import outage
from sagas.errors import InvalidInput, NotAllowed, SagaError
from sagas.management import arguments as take
from sagas.management import holding
from sagas.management.acting import Command as Deed
from sagas.management.acting import signal, start, verb
from sagas.management.arguments import Declare, together
from sagas.management.causes import a_selection, incidents, many, of_a_definition
from sagas.management.looking import diagram, listed, needed_versions, show
from sagas.management.pruning import prune
from sagas.management.rehearsing import matrix
from sagas.management.ringing import alerts
from sagas.management.screen import Screen, plain
from sagas.management.standing import status

EXPLAINED = """
A saga is named by its id, by the beginning of its id, or by its business key. Each verb
says what it is going to do; with --dry-run it does no more than that.

  manage.py saga status                                      is everything well?
  manage.py saga incidents                                   what needs a person, and why
  manage.py saga show order-7                                one saga: its story, and what is possible
  manage.py saga retry order-7 --reason "payments is back" --follow
  manage.py saga bulk retry --definition order --step charge --reason "payments is back" --follow
  manage.py saga hold payments --until +2h --reason "it answers 500"

Exit status:
  0    it is done; with --follow: the saga completed
  1    with --follow: the saga ended otherwise; status: something is not well; versions: live
       sagas need what is not there
  2    it is refused, and standard error says why and what is possible instead
  3    with --follow and --timeout: the time is up and the saga has not ended
  4    nothing was done: a second person must approve it, and it is left as a proposal
  130  interrupted; the saga goes on
"""


def decides(*parts: Declare) -> Declare:
    """The arguments of a verb on one saga."""
    return together(take.a_saga, *parts, take.a_reason)


COMMANDS: dict[str, tuple[str, Deed, Declare]] = {
    "status": ("how the whole installation stands; exit status 1 where something is not well", status, take.nothing),
    "incidents": ("what needs a person, by its cause", incidents, of_a_definition),
    "start": ("begin a saga", start, take.start),
    "list": ("list sagas that have not ended", listed, take.listing),
    "show": ("show a saga and its story", show, together(take.a_saga, take.follow)),
    "signal": ("tell a saga something", signal, together(take.a_saga, take.signal)),
    "decide": (
        "say yes or no where a person is asked",
        verb("decide", "step", "approved", "form"),
        decides(take.decision),
    ),
    "cancel": ("turn a saga back; it ends cancelled", verb("cancel"), decides()),
    "compensate": ("turn a saga back; it ends compensated", verb("compensate"), decides()),
    "pause": ("begin nothing new of a saga", verb("pause", "children"), decides(take.children)),
    "resume": ("go on after a pause", verb("resume", "children"), decides(take.children)),
    "retry": (
        "try now what needs a person, or waits for its next try",
        verb("retry", "step", "item", "input"),
        decides(take.maybe_a_step, take.an_input),
    ),
    "resolve": (
        "say whether a step in doubt happened",
        verb("resolve", "step", "item", "landed", "result"),
        decides(take.a_step, take.landed, take.a_result),
    ),
    "skip": (
        "go on without a step that needs a person",
        verb("skip", "step", "item", "result"),
        decides(take.a_step, take.a_result),
    ),
    "reschedule": (
        "move a clock: of a wait, an approval, a sleep, a retry, or the deadline",
        verb("reschedule", "at", "step", "item"),
        decides(take.new_time),
    ),
    "waive": ("a compensation that is stuck was done by hand", verb("waive", "step", "item"), decides(take.a_step)),
    "give-up": ("end a saga that needs a person as failed", verb("give_up"), decides()),
    "tell-again": ("tell its end to whoever wanted to know, and did not take it", verb("tell_again"), decides()),
    "clone": (
        "begin a new saga like one that has ended",
        verb("clone", "input", "business_key", "confirm_effects"),
        decides(take.clone),
    ),
    "bulk": ("one verb for many sagas, such as all of one cause", many, a_selection),
    "alerts": ("list what rings, and what rang last", alerts, take.a_tenant),
    "participants": ("list the services that steps call, and which are held", holding.listed, take.a_tenant),
    "hold": (
        "let no step call a participant; what waits keeps its patience",
        holding.deed("hold", "until"),
        together(holding.a_participant, holding.until),
    ),
    "canary": (
        "let one saga call a participant that is held",
        holding.deed("canary", "saga"),
        together(holding.a_participant, holding.a_canary),
    ),
    "release": (
        "let a participant that is held be called again",
        holding.deed("release", "rate"),
        together(holding.a_participant, holding.a_rate),
    ),
    "diagram": ("draw a saga", diagram, take.diagram),
    "matrix": ("what becomes of a saga when anything goes wrong", matrix, take.matrix),
    "prune": ("remove what has ended long ago", prune, take.old),
    "versions": ("which versions live sagas need, and which can go", needed_versions, take.nothing),
}


class Refused(CommandError):
    """It was not done; a sentence says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(plain(sentence), returncode=2)


class Command(BaseCommand):
    """Start, look at, and decide about sagas."""

    help = "Start, look at, and decide about sagas. Each command explains itself: manage.py saga retry --help"
    requires_system_checks = ()  # a definition with a fault must not keep anybody from helping a saga

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the lines of what is explained below the options."""
        kwargs |= {"epilog": EXPLAINED, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """A command of its own for each verb."""
        commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
        for name, (help_, deed, declare) in COMMANDS.items():
            sub = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
            declare(sub)
            sub.add_argument("--json", action="store_true", help="answer with one JSON document, for scripts")
            sub.set_defaults(deed=deed)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises `Refused` with one sentence; ends the process with what a followed saga came to."""
        given = Namespace(**options)
        self.stdout.ending = ""
        screen = Screen(cast(IO[str], self.stdout), colour=not given.no_color, for_scripts=given.json)
        try:
            status = given.deed(screen, given)
        except SagaError as error:
            raise Refused(sentence(error)) from None
        except (DatabaseError, InterfaceError) as error:
            if (said := outage.sentence(error)) is None:
                raise
            raise Refused(said) from None
        except BrokenPipeError:  # whoever reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 0
        except KeyboardInterrupt:
            status = 130
        if status:
            sys.exit(status)


def sentence(error: SagaError) -> str:
    """Why it was refused, and what is possible instead."""
    said = error.in_full() if isinstance(error, InvalidInput) else str(error)
    if isinstance(error, NotAllowed):
        verbs = ", ".join(verb.replace("_", "-") for verb in error.allowed)
        said += f" Possible now: {verbs}." if verbs else ""
    return said
