"""The kinds of faults by name, with what each touches, since some promises hold only while certain parts are well."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.site import Site


class Part(StrEnum):
    """A part of the installation."""

    WORKERS = "workers"
    BEAT = "beat"
    WEB = "web"
    BROKER = "broker"
    DATABASE = "database"
    PARTICIPANTS = "participants"


Act = Callable[["Site", Random], str]
"""Do it, and return when it is over; answers with a note of what it met."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    name: str
    touches: frozenset[Part]
    act: Act


KINDS: dict[str, Kind] = {}


def fault(*touches: Part) -> Callable[[Act], Act]:
    """A function is a kind of fault, of the name that it has."""

    def register(act: Act) -> Act:
        name = act.__name__.replace("_", " ")
        KINDS[name] = Kind(name, frozenset(touches), act)
        return act

    return register
