"""Definitions: each with its versions, its picture, its input, and how many sagas run on it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count
from django.utils.safestring import SafeString, mark_safe

from sagas import diagrams
from sagas.admin.payloads import shown
from sagas.admin.story import anchor
from sagas.models import Saga
from sagas.models.saga import SagaQuerySet
from sagas.words import registry
from sagas.words.definition import Definition

MOST = 10_000
"""So many of the newest live sagas are counted."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a definition; `table` is None for one that the code has no longer."""

    name: str
    version: int
    table: Definition | None
    live: int
    stuck: int
    is_newest: bool

    @property
    def schema(self) -> str:
        """What its input must be, as JSON Schema."""
        return shown(self.table.input.model_json_schema()) if self.table and self.table.input else ""

    @property
    def picture(self) -> SafeString:
        """Its table, drawn; everything an author wrote is escaped in it."""
        if self.table is None:
            return SafeString("")
        return mark_safe(diagrams.svg(self.table, link=lambda path: f"#{anchor(path)}", folded=True))  # noqa: S308


def versions(sagas: SagaQuerySet, name: str = "", only: Collection[str] | None = None) -> list[Version]:
    """Every version that the code has or live sagas run on, by name, the newest first; one statement.

    `only` are the names that somebody may know of, None is all.
    """
    live, stuck = _counted(sagas.filter(definition=name) if name else sagas)
    known = {(table.name, table.version): table for table in registry.everything() if name in ("", table.name)}
    newest = dict(sorted(known))
    may_be_known = [key for key in known.keys() | live.keys() if only is None or key[0] in only]
    keys = sorted(may_be_known, key=lambda key: (key[0], -key[1]))
    return [
        Version(
            name=key[0],
            version=key[1],
            table=known.get(key),
            live=live[key],
            stuck=stuck[key],
            is_newest=newest.get(key[0]) == key[1],
        )
        for key in keys
    ]


def _counted(sagas: SagaQuerySet) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    """How many of them live, and how many of these need a person."""
    live: Counter[tuple[str, int]] = Counter()
    stuck: Counter[tuple[str, int]] = Counter()
    newest = sagas.live().order_by("-id").values("pk")[:MOST]
    rows = Saga.objects.filter(pk__in=newest).order_by().values_list("definition", "version", "open_incidents")
    for definition, version, incidents, count in rows.annotate(count=Count("pk")):
        live[definition, version] += count
        stuck[definition, version] += count if incidents else 0
    return live, stuck
