"""What live sagas need, held against what the code has: which versions may go, and which must come back."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from django.db import connections, router

from sagas.models import Run, Saga
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.rows import Child

State = Literal["current", "draining", "can go", "changed under live sagas", "missing"]
Table = tuple[str, int, str]
"""A definition's name, version and fingerprint."""

NEEDED = """
    WITH RECURSIVE needed (id, definition, version, fingerprint) AS (
        SELECT id, definition, version, fingerprint FROM {saga} WHERE ended_at IS NULL
        UNION
        SELECT child.id, child.definition, child.version, child.fingerprint
        FROM needed
        JOIN {run} place ON place.saga_id = needed.id AND place.kind = 'child' AND place.undo <> 'none'
        JOIN {saga} child ON child.parent_id = place.id AND child.state = 'completed'
    )
    SELECT definition, version, fingerprint, COUNT(*) FROM needed GROUP BY definition, version, fingerprint
"""


@dataclass(frozen=True, kw_only=True)
class VersionLine:
    """One version of a definition: how it stands, how many live sagas need it, and what to do about it.

    current                    new sagas run on it, or another table has it as a child
    draining                   no new sagas, but live ones
    can go                     nothing needs it any more
    changed under live sagas   the code has another table under the same version
    missing                    the code has it no longer
    """

    name: str
    version: int
    state: State
    live: int
    sentence: str


def needed() -> Mapping[Table, int]:
    """How many sagas need each table: the live ones, and completed children that a live parent may yet undo."""
    connection = connections[router.db_for_read(Saga)]
    tables = {"saga": Saga._meta.db_table, "run": Run._meta.db_table}
    with connection.cursor() as cursor:
        cursor.execute(NEEDED.format(**{name: connection.ops.quote_name(table) for name, table in tables.items()}))
        return {(name, version, fingerprint): count for name, version, fingerprint, count in cursor.fetchall()}


def lines() -> list[VersionLine]:
    """Every version that the code has or live sagas need, by name and version."""
    live: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for (name, version, fingerprint), count in needed().items():
        live[name, version][fingerprint] = count
    known = {(definition.name, definition.version): definition for definition in registry.everything()}
    return [_line(*key, known.get(key), live.get(key, {})) for key in sorted(known.keys() | live.keys())]


def _line(name: str, version: int, definition: Definition | None, live: Mapping[str, int]) -> VersionLine:
    count = sum(live.values())
    if definition is None:
        state, sentence = _missing(name, version, count)
    else:
        state, sentence = _standing(definition, count, count - live.get(definition.fingerprint, 0))
    return VersionLine(name=name, version=version, state=state, live=count, sentence=sentence[0].upper() + sentence[1:])


def _missing(name: str, version: int, live: int) -> tuple[State, str]:
    lost = f"{_live(live)} saga {name!r} version {version}, which the code has no longer"
    return "missing", f"{lost}: put it back until they have ended."


def _standing(definition: Definition, live: int, on_others: int) -> tuple[State, str]:
    name, highest = definition.name, registry.get(definition.name).version
    title = f"saga {name!r} version {definition.version}"
    if on_others:
        return "changed under live sagas", (
            f"the table of {title} was changed while {_live(on_others)} the one before: put that one back, and give "
            f"the changed table version={highest + 1} beside it."
        )
    if definition.version == highest:
        return "current", f"new sagas {name!r} run on version {highest}; {_live(live)} it."
    if holders := sorted({holder.name for holder in _holders(definition)}):
        return "current", f"{title} is a child of {', '.join(holders)}; {_live(live)} it."
    if live:
        return "draining", f"{_live(live)} {title}; new ones run on version {highest}."
    return "can go", f"no live saga needs {title} any more: it can be taken out of the code."


def _live(count: int) -> str:
    return f"{count or 'no'} live saga{' needs' if count == 1 else 's need'}"


def _holders(definition: Definition) -> Iterator[Definition]:
    """The definitions that have this one as a child."""
    for holder in registry.everything():
        if any(isinstance(place.row, Child) and place.row.definition == definition for place in holder.walk()):
            yield holder
