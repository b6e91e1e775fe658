"""How a saga's rows stand, as words to colour a picture with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Count

from sagas.models import Run, Saga
from sagas.words.plan import Undo

FAMILIES = {
    "trouble": "person stuck failed unknown",
    "busy": "running due",
    "waits": "waiting pending owed",
    "well": "succeeded",
    "undone": "done waived",
    "missed": "timed_out",
    "off": "skipped cancelled unneeded none",
}


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What stands at each path: of the row itself, and of its way back. Words are a run's states, also several."""

    forward: Mapping[str, str] = field(default_factory=dict)
    back: Mapping[str, str] = field(default_factory=dict)


def marks_of(saga: Saga) -> Marks:
    """How every row of a saga stands, its `each` items counted by state; two queries."""
    runs = Run.objects.filter(saga=saga).exclude(kind=Run.Kind.MESSAGE).order_by()
    forward = runs.values_list("path", "state", "held").annotate(count=Count("pk"))
    back = runs.exclude(undo=Undo.NONE).values_list("path", "undo").annotate(count=Count("pk"))
    return Marks(
        forward=_counted((path, "needs a person" if held else state, count) for path, state, held, count in forward),
        back=_counted(back),
    )


def family_of(mark: str) -> str:
    """Which colour a mark has: of several states, the one that most needs a look."""
    words = set(mark.replace(",", " ").split())
    return next((family for family, known in FAMILIES.items() if words & set(known.split())), "")


def _counted(found: Iterable[tuple[str, str, int]]) -> dict[str, str]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path, state, count in found:
        counts[path][state] += count
    return {path: _words(states) for path, states in counts.items()}


def _words(states: Mapping[str, int]) -> str:
    if sum(states.values()) == 1:
        return next(iter(states))
    return ", ".join(
        f"{count} {state if count == 1 else state.replace('needs', 'need')}" for state, count in sorted(states.items())
    )
