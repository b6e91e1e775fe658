"""`manage.py saga`: everything that can be asked of sagas and done about them, from a terminal or a script."""

import getpass
import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from sagas import operations, registry
from sagas.errors import InvalidInput, NotAllowed, SagaError
from sagas.management import showing
from sagas.management.finding import find
from sagas.models import Saga

EXIT = """
exit status:
  0  done; with --follow: the saga completed
  1  with --follow: the saga ended otherwise
  2  refused, or there is no such saga; the sentence says why and what is allowed

A SAGA is named by its id, the beginning of its id, or its business key.
"""

Handler = Callable[["Command", Namespace], int]


class Command(BaseCommand):
    """Start, look at, and decide about sagas."""

    help = "Start, look at, and decide about sagas. Each command explains itself: manage.py saga retry --help"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the lines of the epilogue."""
        kwargs |= {"epilog": EXIT, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """A sub-command for each verb."""
        commands = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
        for name, (handler, help_, declare) in COMMANDS.items():
            sub = commands.add_parser(name, help=help_, description=help_)
            sub.add_argument("--json", action="store_true", help="answer in JSON, for scripts")
            declare(sub)
            sub.set_defaults(handler=handler)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; errors are one sentence on standard error, and exit status 2."""
        given = Namespace(**options)
        self.console = Console(file=cast(IO[str], self.stdout), soft_wrap=True, highlight=False)
        try:
            status = given.handler(self, given)
        except (SagaError, ValueError) as error:
            self.stderr.write(_sentence(error))
            status = 2
        except KeyboardInterrupt:
            status = 130
        if status:
            sys.exit(status)

    def say(self, given: Namespace, saga: Saga) -> int:
        """Show a saga after a verb, or follow it."""
        if getattr(given, "follow", False) and not given.json:
            return showing.exit_status(showing.follow(saga, self.console))
        if given.json:
            self.stdout.write(showing.as_json(showing.document(saga)))
        else:
            showing.shown(saga, self.console)
        return 0


def start(command: Command, given: Namespace) -> int:
    labels = dict(label.split("=", 1) for label in given.label)
    started = operations.start(
        given.definition,
        given.input,
        actor=_actor(),
        business_key=given.key,
        on_duplicate=given.on_duplicate,
        labels=labels,
        priority=given.priority,
        start_at=given.at,
        version=given.version,
    )
    if not started.created:
        command.stderr.write("A saga that is open holds that business key; this is it.")
    return command.say(given, started.saga)


def list_(command: Command, given: Namespace) -> int:
    found = Saga.objects.order_by("-id")
    if not given.all:
        found = found.live()
    if given.needs_person:
        found = found.needing_a_person()
    for name in ("definition", "state"):
        if value := getattr(given, name):
            found = found.filter(**{name: value})
    showing.listed(found[: given.limit], command.console, json_=given.json)
    return 0


def show(command: Command, given: Namespace) -> int:
    saga = find(given.saga)
    if given.json:
        command.stdout.write(showing.as_json(showing.document(saga, journal=True)))
        return 0
    return command.say(given, saga)


def signal(command: Command, given: Namespace) -> int:
    saga = find(given.saga)
    told = operations.signal(saga.pk, given.name, given.payload, actor=_actor(), id=given.id, tenant=saga.tenant)
    what = "was known already" if told.replayed else "is stored"
    taken = "a wait has taken it" if told.taken else "it is kept until a wait takes it"
    if given.json:
        command.stdout.write(showing.as_json({"saga": saga.pk, "taken": told.taken, "replayed": told.replayed}))
    else:
        command.stdout.write(f"The signal {what}; {taken}.")
    return 0


def verb(name: str, *fields: str) -> Handler:
    """A command that does one verb, or says what it would do."""

    def act(command: Command, given: Namespace) -> int:
        saga = find(given.saga)
        arguments = {field: getattr(given, field) for field in fields if getattr(given, field) is not None}
        arguments |= {"actor": _actor(), "reason": given.reason, "tenant": saga.tenant}
        if given.dry_run:
            preview = operations.preview(name, saga.pk, **arguments)
            if given.json:
                command.stdout.write(showing.as_json({"state": preview.state, "sentences": preview.sentences}))
            else:
                command.stdout.write("\n".join([*preview.sentences, f"The saga would be {preview.state}."]))
            return 0
        done = getattr(operations, name)(saga.pk, **arguments)
        return command.say(given, done.saga if isinstance(done, operations.Started) else done)

    return act


def diagram(command: Command, given: Namespace) -> int:
    from sagas import diagrams

    draw = diagrams.svg if given.format == "svg" else diagrams.mermaid
    if given.definition in {definition.name for definition in registry.everything()}:
        drawn = draw(registry.get(given.definition, given.version))
    else:
        saga = find(given.definition)
        drawn = draw(registry.get(saga.definition, saga.version), diagrams.marks_of(saga))
    command.stdout.write(showing.as_json({given.format: drawn}) if given.json else drawn)
    return 0


def versions(command: Command, given: Namespace) -> int:
    from sagas.versions import lines

    found = lines()
    if given.json:
        keys = ("name", "version", "state", "live", "sentence")
        command.stdout.write(showing.as_json([{key: getattr(line, key) for key in keys} for line in found]))
    for line in () if given.json else found:
        command.stdout.write(f"{line.name} {line.version}: {line.state}. {line.sentence}")
    return 2 if any(line.state in ("missing", "changed under live sagas") for line in found) else 0


def _of_a_saga(*more: Callable[[ArgumentParser], None], reason: bool = True) -> Callable[[ArgumentParser], None]:
    def declare(parser: ArgumentParser) -> None:
        parser.add_argument("saga", help="its id, the beginning of its id, or its business key")
        for add in more:
            add(parser)
        if reason:
            parser.add_argument("--reason", required=True, help="why; it is written into the audit")
            parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
            parser.add_argument("--follow", action="store_true", help="watch the saga until it ends")

    return declare


def _step(parser: ArgumentParser) -> None:
    parser.add_argument("--step", required=True, help="the step that is meant")
    parser.add_argument("--item", type=int, default=0, help="the item's number, of an each")


def _maybe_step(parser: ArgumentParser) -> None:
    parser.add_argument("--step", help="the step that is meant")
    parser.add_argument("--item", type=int, help="the item's number, of an each")


def _input(parser: ArgumentParser) -> None:
    parser.add_argument("--input", type=_json, help="the edited input, as JSON or @file")


def _result(parser: ArgumentParser) -> None:
    parser.add_argument("--result", type=_json, help="the step's result, as JSON or @file")


def _landed(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--landed", action="store_true", default=None, help="it happened")
    which.add_argument("--not-landed", dest="landed", action="store_false", help="it did not happen")


def _decision(parser: ArgumentParser) -> None:
    parser.add_argument("--step", required=True, help="the approval that is decided")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--yes", dest="approved", action="store_true", default=None)
    which.add_argument("--no", dest="approved", action="store_false")
    parser.add_argument("--form", type=_json, help="the values of its form, as JSON or @file")


def _time(parser: ArgumentParser) -> None:
    parser.add_argument("--at", type=_datetime, required=True, help="the new time, such as 2026-12-24T18:00:00+01:00")
    parser.add_argument("--step", help="the step whose clock is moved; without one, the saga's deadline")
    parser.add_argument("--item", type=int, help="the item's number, of an each")


def _children(parser: ArgumentParser) -> None:
    parser.add_argument("--without-children", dest="children", action="store_false", help="leave its children alone")


def _clone(parser: ArgumentParser) -> None:
    _input(parser)
    parser.add_argument("--key", dest="business_key", help="the business key of the new saga")
    parser.add_argument(
        "--confirm-effects", action="store_true", help="effects of the original are still there: so be it"
    )


def _start(parser: ArgumentParser) -> None:
    parser.add_argument("definition", help="the saga's name")
    parser.add_argument("--input", type=_json, help="its input, as JSON or @file")
    parser.add_argument("--key", help="its business key")
    parser.add_argument("--on-duplicate", choices=["return", "refuse", "replace", "queue"], default="return")
    parser.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--priority", type=int, default=0)
    parser.add_argument("--at", type=_datetime, help="when it begins, such as 2026-12-24T18:00:00+01:00")
    parser.add_argument("--version", type=int)
    parser.add_argument("--follow", action="store_true", help="watch it until it ends; exit status 0 if it completed")


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="ended sagas as well")
    parser.add_argument("--needs-person", action="store_true", help="only those with an open incident")
    parser.add_argument("--definition")
    parser.add_argument("--state")
    parser.add_argument("--limit", type=int, default=50)


def _signal(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the signal's name")
    parser.add_argument("--payload", type=_json, help="as JSON or @file")
    parser.add_argument("--id", help="the sender's own id, so that a repeated signal is known")


def _follow(parser: ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="watch it until it ends; exit status 0 if it completed")


def _diagram(parser: ArgumentParser) -> None:
    parser.add_argument("definition", help="a saga's name, or one saga, whose rows are coloured by how they stand")
    parser.add_argument("--format", choices=["mermaid", "svg"], default="mermaid")
    parser.add_argument("--version", type=int)


def _nothing(parser: ArgumentParser) -> None:
    """It takes no arguments."""


COMMANDS: dict[str, tuple[Handler, str, Callable[[ArgumentParser], None]]] = {
    "start": (start, "begin a saga", _start),
    "list": (list_, "list the sagas that have not ended", _list),
    "show": (show, "show a saga and its timeline", _of_a_saga(_follow, reason=False)),
    "signal": (signal, "tell a saga something", _of_a_saga(_signal, reason=False)),
    "decide": (
        verb("decide", "step", "approved", "form"),
        "say yes or no where a person is asked",
        _of_a_saga(_decision),
    ),
    "cancel": (verb("cancel"), "turn a saga back; it ends cancelled", _of_a_saga()),
    "compensate": (verb("compensate"), "turn a saga back; it ends compensated", _of_a_saga()),
    "pause": (verb("pause", "children"), "begin nothing new of a saga", _of_a_saga(_children)),
    "resume": (verb("resume", "children"), "go on after a pause", _of_a_saga(_children)),
    "retry": (
        verb("retry", "step", "item", "input"),
        "try again what needs a person, or waits for its next try",
        _of_a_saga(_maybe_step, _input),
    ),
    "skip": (verb("skip", "step", "item", "result"), "go on without a step", _of_a_saga(_step, _result)),
    "resolve": (
        verb("resolve", "step", "item", "landed", "result"),
        "say whether a step in doubt happened",
        _of_a_saga(_step, _landed, _result),
    ),
    "reschedule": (verb("reschedule", "at", "step", "item"), "move a clock", _of_a_saga(_time)),
    "waive": (verb("waive", "step", "item"), "a compensation was done by hand", _of_a_saga(_step)),
    "give-up": (verb("give_up"), "end a saga that needs a person as failed", _of_a_saga()),
    "clone": (
        verb("clone", "input", "business_key", "confirm_effects"),
        "begin a new saga like one that has ended",
        _of_a_saga(_clone),
    ),
    "diagram": (diagram, "draw a saga", _diagram),
    "versions": (versions, "which versions live sagas need", _nothing),
}


def _actor() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def _json(text: str) -> Any:
    try:
        if text.startswith("@"):
            with open(text[1:], encoding="utf-8") as file:
                return json.load(file)
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise ArgumentTypeError(f"this is not JSON ({error}); write it as '{{\"name\": 1}}' or @file.json") from None


def _datetime(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write the time as 2026-12-24T18:00:00+01:00") from None
    return at if at.tzinfo else at.astimezone()


def _sentence(error: Exception) -> str:
    said = str(error)
    if isinstance(error, InvalidInput):
        said += "".join(f"\n  {fault['pointer'] or 'it'}: {fault['detail']}" for fault in error.errors)
    if isinstance(error, NotAllowed) and error.allowed:
        said += f" Allowed now: {', '.join(error.allowed)}."
    return said
