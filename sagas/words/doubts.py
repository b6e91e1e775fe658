"""What looks wrong in a table and may be right: names of rows in the code of its functions that they will not find.

`ctx.results["charge"]` and `ctx.signal_url("paid")` are read off the code, where the name is written out and `ctx` is
the function's own argument. They are doubts and no faults, since a function that several tables share may ask for what
only one of them has.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from types import CodeType
from typing import Any

from sagas.words.code import body_of, inner, instructions
from sagas.words.definition import Definition, Place
from sagas.words.rows import Parallel, Wait

FUNCTIONS = ("action", "compensation", "probe", "when", "accept", "items", "input", "until")
USED_BY = {"results": ("BINARY_SUBSCR", "BINARY_OP"), "signal_url": ("PRECALL", "CALL")}
"""What comes next in the code where a name is what it looks like, in the versions of Python that there are."""


def doubts_of(definition: Definition) -> list[str]:
    """All that looks wrong in a table, a sentence each."""
    title = f"saga {definition.name!r} version {definition.version}"
    return [
        f"{title}, {type(place.row).__name__.lower()} {place.path!r}: {doubt}"
        for place in definition.walk()
        for doubt in _of_place(definition, place)
    ]


def _of_place(definition: Definition, place: Place) -> Iterator[str]:
    before = [p.path for p in definition.walk() if p.top < place.top and not isinstance(p.row, Parallel)]
    signals = [p.row.signal for p in definition.walk() if isinstance(p.row, Wait)]
    for word in FUNCTIONS:
        for attribute, name in _named_by(getattr(place.row, word, None)):
            if attribute == "results" and name not in before:
                why = "no row is named so" if name not in definition.places else "that row does not come before it"
                yield f"its {word} reads ctx.results[{name!r}], and {why}. Before it: {_names(name, before)}"
            if attribute == "signal_url" and name not in signals:
                yield f"its {word} gives out ctx.signal_url({name!r}), and no wait is for that: {_names(name, signals)}"


def _names(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    listed = ", ".join(dict.fromkeys(known)) or "none"
    return f"{listed}. Did you mean {close[0]!r}?" if close else f"{listed}."


def _named_by(function: Any) -> Iterator[tuple[str, str]]:
    """The pairs of attribute and name: `ctx.results["charge"]` is ("results", "charge")."""
    body = body_of(function)
    if body is not None and body.__code__.co_argcount:
        arguments = body.__code__.co_varnames[: body.__code__.co_argcount]
        yield from _in_code(body.__code__, arguments[1 if arguments[0] == "self" and arguments[1:] else 0])


def _in_code(code: CodeType, context: str) -> Iterator[tuple[str, str]]:
    seen = [*instructions(code)]
    for owner, attribute, name, use in zip(seen, seen[1:], seen[2:], seen[3:], strict=False):
        is_context = owner.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and context in (
            owner.argval if isinstance(owner.argval, tuple) else (owner.argval,)
        )
        is_attribute = attribute.opname in ("LOAD_ATTR", "LOAD_METHOD") and attribute.argval in USED_BY
        if is_context and is_attribute and name.opname == "LOAD_CONST" and use.opname in USED_BY[attribute.argval]:
            yield attribute.argval, str(name.argval)
    for within in inner(code):
        yield from _in_code(within, context)
