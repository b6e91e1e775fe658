"""`manage.py notifications`: forget what is old, or whoever wants to be forgotten."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.callers import DEFAULT_TENANT, Caller
from notifications.channels.channel import channels
from notifications.erasing import erase, go_on
from notifications.models import Addressee, Erasure
from notifications.pruning import Pruned, prune, would_prune


class Command(BaseCommand):
    """Forget."""

    help = "Forget what is old, or whoever wants to be forgotten. Each explains itself: … prune --help"

    def add_arguments(self, parser: CommandParser) -> None:
        """A command of its own for each."""
        acts = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
        old = acts.add_parser("prune", help="forget and remove what is older than the settings keep")
        old.add_argument("--dry-run", action="store_true", help="say how much it would be, and do nothing")
        gone = acts.add_parser("erase", help="forget a receiver: every word and address")
        gone.add_argument("--id", help="the service's own id of the receiver; leads to its addresses, too")
        gone.add_argument("--address", action="append", default=[], help="such as email=jane@example.org; many times")
        gone.add_argument("--tenant", default=DEFAULT_TENANT)
        gone.add_argument("--reason", required=True, help="is kept, so name nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what came of it."""
        if options["act"] == "prune":
            self._prune(dry=options["dry_run"])
        else:
            self._erase(options)

    def _prune(self, *, dry: bool) -> None:
        found: Pruned = would_prune() if dry else prune()
        words = ("would be ", "would be ") if dry else ("", "")
        self.stdout.write(
            f"{found.forgotten} notifications {words[0]}forgotten, {found.attempts} attempts and "
            f"{found.removed} notifications {words[1]}removed."
        )

    def _erase(self, options: dict[str, Any]) -> None:
        caller = Caller(name="command:erase", tenant=options["tenant"])
        begun = erase(caller, _receiver(options["id"], options["address"]), options["reason"])
        left = -1
        while not go_on(begun.pk):
            rest = Addressee.objects.filter(tenant=begun.tenant, mark__in=begun.marks).count()
            if rest == left:
                self.stdout.write(
                    f"{rest} are left for the sweep: they are being sent at this moment, or the log says why not."
                )
                break
            left = rest
        done = Erasure.objects.get(pk=begun.pk)
        self.stdout.write(
            f"{done.notifications} notifications were forgotten; {done.cancelled} of them are not sent any more."
        )


def _receiver(key: str | None, addresses: list[str]) -> dict[str, str]:
    receiver = {} if key is None else {"id": key}
    known = {channel.address for channel in channels().values()} - {"id"}
    for given in addresses:
        kind, equals, address = given.partition("=")
        if not equals or kind not in known:
            raise CommandError(f"--address is written KIND=ADDRESS; kinds are: {', '.join(sorted(known))}.")
        receiver[kind] = address
    if not receiver:
        raise CommandError("Say whom to forget: --id, --address, or both.")
    return receiver
