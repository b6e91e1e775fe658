"""The definitions this process knows."""

from collections.abc import Iterable, Iterator
from types import ModuleType

from sagas.errors import DefinitionUnknown
from sagas.words.definition import Definition
from sagas.words.doubts import doubts_of
from sagas.words.faults import faults_of
from sagas.words.rows import Child

_known: dict[tuple[str, int], Definition] = {}
_clashes: list[str] = []
_broken: list[str] = []


def collect(module: ModuleType) -> None:
    """Take every definition that stands in a module, as Django takes `urlpatterns`."""
    for value in vars(module).values():
        if isinstance(value, Definition):
            add(value)


def add(definition: Definition) -> None:
    """Make one definition known, and those of its children; two of one name and version are a fault for the checks."""
    for place in definition.walk():
        if isinstance(place.row, Child) and isinstance(place.row.definition, Definition):
            add(place.row.definition)
    key = (definition.name, definition.version)
    if _known.setdefault(key, definition) is not definition:
        _clashes.append(
            f"saga {definition.name!r} version {definition.version} is defined twice; give one another name or version."
        )


def mark_broken(sentence: str) -> None:
    """A module that could not be imported; its sentence is shown by the checks."""
    _broken.append(sentence)


def get(name: str, version: int | None = None) -> Definition:
    """The definition of that name, the highest version unless one is asked for.

    Raises `DefinitionUnknown` with the names that there are.
    """
    if version is not None and (name, version) in _known:
        return _known[name, version]
    versions = [known for known_name, known in _known if known_name == name]
    if version is None and versions:
        return _known[name, max(versions)]
    if versions:
        raise DefinitionUnknown(f"saga {name!r} has no version {version}; there are {sorted(versions)}.")
    names = ", ".join(sorted({known_name for known_name, _ in _known})) or "none"
    raise DefinitionUnknown(
        f"There is no saga named {name!r}; known are: {names}. Sagas are found in the sagas.py of installed apps."
    )


def find(name: str, version: int, fingerprint: str) -> Definition | None:
    """The definition a saga runs on, if this process has exactly that table."""
    definition = _known.get((name, version))
    return definition if definition is not None and definition.fingerprint == fingerprint else None


def everything() -> Iterator[Definition]:
    """All definitions, by name and version."""
    return iter(_known[key] for key in sorted(_known))


def problems() -> list[str]:
    """All that is wrong in all definitions, a sentence each."""
    return [*_broken, *_clashes, *(fault for definition in everything() for fault in faults_of(definition))]


def doubts() -> list[str]:
    """All that looks wrong in definitions and may be right, a sentence each."""
    return [doubt for definition in everything() for doubt in doubts_of(definition)]


def replaced(definitions: Iterable[Definition]) -> "Replaced":
    """Within this context only these definitions are known; for tests."""
    return Replaced(definitions)


class Replaced:
    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._definitions = list(definitions)

    def __enter__(self) -> None:
        self._before = (dict(_known), list(_clashes), list(_broken))
        for store in (_known, _clashes, _broken):
            store.clear()
        for definition in self._definitions:
            add(definition)

    def __exit__(self, *exception: object) -> None:
        for store in (_known, _clashes, _broken):
            store.clear()
        _known.update(self._before[0])
        _clashes.extend(self._before[1])
        _broken.extend(self._before[2])
