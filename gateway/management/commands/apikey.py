"""`manage.py apikey`: the keys that services call with."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gateway import conf, keys
from gateway.callers import DEFAULT_TENANT
from gateway.management.spans import span
from gateway.models import ApiKey

OVERLAP = timedelta(days=1)
EXAMPLE = "For example: manage.py apikey create shop --scope start --scope read --definition order --expires 90d"


class Command(BaseCommand):
    """Create, list, rotate and revoke API keys."""

    help = "The keys that services call with. A key is printed once, when it is made; only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand for each thing that can be done."""
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser("create", help="make a key for a service", epilog=EXAMPLE)
        scopes = f"what it may do, once for each: {', '.join(sorted(conf.current().SCOPES))} or {conf.ADMIN}"
        create.add_argument("name", help="the service, as the audit will call it")
        create.add_argument("--scope", action="append", required=True, help=scopes)
        create.add_argument("--definition", action="append", help="a saga that it holds for; without one it is all")
        create.add_argument("--expires", type=span, help="when it ends, such as 90d or 12h from now; never without it")
        create.add_argument("--rate", type=int, help="requests a minute, instead of what the settings say")
        acts.add_parser("list", help="all keys, the newest first").add_argument(
            "--all", action="store_true", help="also those that open nothing any more"
        )
        rotate = acts.add_parser("rotate", help="make a new key for a service; its present one goes on for a while")
        rotate.add_argument("name")
        rotate.add_argument("--overlap", type=span, default=OVERLAP, help="how long the present one goes on; 1d")
        acts.add_parser("revoke", help="end keys now").add_argument("which", help="a service, or how a key begins")
        for act in acts.choices.values():
            act.add_argument("--tenant", default=DEFAULT_TENANT, help="whose sagas it is for; the default tenant's")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        """Do what was asked for."""
        getattr(self, f"_{act}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        try:
            issued = keys.create(
                options["name"],
                tenant=options["tenant"],
                scopes=set(options["scope"]),
                definitions=options["definition"],
                expires_at=timezone.now() + options["expires"] if options["expires"] else None,
                rate=options["rate"],
            )
        except keys.Refused as error:
            raise CommandError(str(error)) from None
        self._show(issued)

    def _rotate(self, options: dict[str, Any]) -> None:
        try:
            self._show(keys.rotate(options["name"], tenant=options["tenant"], overlap=options["overlap"]))
        except LookupError as error:
            raise CommandError(str(error)) from None

    def _revoke(self, options: dict[str, Any]) -> None:
        ended = keys.revoke(options["which"], tenant=options["tenant"])
        if not ended:
            raise CommandError(f"No live key of tenant {options['tenant']!r} is called or begins so.")
        within = int(keys.REMEMBERED.total_seconds())
        self.stdout.write(f"{ended} revoked; running processes have forgotten it within {within} s.")

    def _list(self, options: dict[str, Any]) -> None:
        rows = ApiKey.objects.filter(tenant=options["tenant"]).order_by("-id")
        for row in rows if options["all"] else rows.live(timezone.now()):
            self.stdout.write("  ".join(_told(row)))

    def _show(self, issued: keys.Issued) -> None:
        self.stderr.write("This is the only time that the key is shown:")
        self.stdout.write(issued.key)


def _told(row: ApiKey) -> Iterable[str]:
    yield f"{row.prefix}…"
    yield row.name
    yield ",".join(row.scopes)
    yield "all sagas" if row.definitions is None else ",".join(row.definitions)
    if row.revoked_at is not None:
        yield f"revoked {_day(row.revoked_at)}"
    elif row.expires_at is not None:
        yield f"expires {_day(row.expires_at)}"
    yield f"last used {_day(row.last_used_at)}" if row.last_used_at else "never used"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
