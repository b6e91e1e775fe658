"""The commands about participants: which are held, hold one, send a canary, release it."""

from argparse import ArgumentParser, Namespace
from uuid import UUID

from rich.table import Table

from sagas.management.acting import Command, actor
from sagas.management.arguments import TIME_HELP, a_tenant, as_time
from sagas.management.screen import Screen, plain
from sagas.operations import holding
from sagas.operations.foreseeing import foresee
from sagas.operations.participants import Participant, participants


def listed(screen: Screen, given: Namespace) -> int:
    """All participants, those that are held first."""
    found = participants(given.tenant)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("participant", "stands", "waiting", "why"):
        table.add_column(name, no_wrap=True)
    for one in found:
        table.add_row(plain(one.name), one.stands, str(one.waiting), plain(_why(one)))
    screen.table(table)
    screen.json([_document(one) for one in found])
    return 0


def deed(verb: str, *fields: str) -> Command:
    """A command that says what a verb on a participant is going to do, and does it."""

    def act(screen: Screen, given: Namespace) -> int:
        arguments = {field: getattr(given, field) for field in fields}
        reason = given.reason or ("A dry run." if given.dry_run else "")
        about = {"actor": actor(), "reason": reason, "tenant": given.tenant}
        sentences = foresee(verb, given.participant, **arguments, **about)
        for sentence in sentences:
            screen.say(f"→ {sentence}")
        if given.dry_run:
            screen.say("Nothing was changed.")
            screen.json({"verb": verb, "dry_run": True, "sentences": list(sentences)})
            return 0
        getattr(holding, verb)(given.participant, **arguments, **about)
        one = next(one for one in participants(given.tenant) if one.name == given.participant)
        screen.say(f"{one.name} is {one.stands}; {one.waiting} steps wait for it.")
        screen.json(_document(one))
        return 0

    return act


def a_participant(parser: ArgumentParser) -> None:
    """Which participant, and why."""
    parser.add_argument("participant", help="its name, as steps call it; see manage.py saga participants")
    a_tenant(parser)
    parser.add_argument("--reason", default="", help="why; it is written into the audit")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")


def until(parser: ArgumentParser) -> None:
    """When the hold ends by itself."""
    parser.add_argument("--until", type=as_time, metavar="TIME", help=f"when it ends by itself, {TIME_HELP}")


def a_canary(parser: ArgumentParser) -> None:
    """Which saga goes first."""
    parser.add_argument("--saga", type=UUID, help="its id (default: the saga that has waited longest)")


def a_rate(parser: ArgumentParser) -> None:
    """How fast."""
    parser.add_argument("--rate", type=int, metavar="N", help="so many steps a second (default: all at once)")


def _why(one: Participant) -> str:
    if one.hold is None:
        return ""
    if one.hold.released_at is not None:
        return f"released by {one.hold.released_by}, {one.hold.let_go} let go"
    return f"held by {one.hold.held_by} since {one.hold.held_at:%Y-%m-%d %H:%M:%S} UTC: {one.hold.reason}"


def _document(one: Participant) -> dict[str, object]:
    canaries = [{"saga": canary.saga, "outcome": canary.outcome} for canary in one.canaries]
    about = {"name": one.name, "state": one.stands, "waiting": one.waiting, "why": _why(one)}
    return about | {"errors": one.errors, "canaries": canaries, "allowed": one.allowed}
