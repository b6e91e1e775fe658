"""The command about alerts: what rings, since when, and who was told."""

from argparse import Namespace

from rich.table import Table

from sagas.api.alerts import alert_document
from sagas.management.screen import Screen, plain
from sagas.operations.episodes import Episode, episodes


def alerts(screen: Screen, given: Namespace) -> int:
    """Those that ring, and then those that are over."""
    found = episodes(given.tenant)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("alert", "since", "over", "told"):
        table.add_column(name, no_wrap=name != "told")
    for one in found:
        over = f"{one.over_at:%Y-%m-%d %H:%M:%S}" if one.over_at else ""
        table.add_row(plain(one.title), f"{one.began_at:%Y-%m-%d %H:%M:%S}", over, plain(_told(one)))
    screen.table(table)
    screen.json([alert_document(one) for one in found])
    return 0


def _told(one: Episode) -> str:
    return "; ".join(f"{message.to}: {message.said}{'' if message.at else ' (not yet)'}" for message in one.told)
