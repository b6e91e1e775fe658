"""Whom a team's function calls: the services that it names in `ctx.service("...")`, read off its code.

A name is found where it is written out, or is a constant of the function's module, also in helpers of that module that
the function calls. What cannot be read off, `step(..., participant="payments")` says.
"""

import dis
from collections.abc import Callable, Iterator
from functools import cache, partial
from inspect import unwrap
from types import CodeType, FunctionType
from typing import Any


@cache
def called_by(function: Callable[..., Any] | None) -> tuple[str, ...]:
    """The services that the function names, in the order in which they stand there."""
    return tuple(dict.fromkeys(_named(function, set())))


def _named(thing: object, seen: set[CodeType]) -> Iterator[str]:
    while isinstance(thing, partial):
        thing = thing.func
    thing = unwrap(thing) if callable(thing) else thing
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, FunctionType):
        yield from _in_code(thing.__code__, thing, seen)


def _in_code(code: CodeType, function: FunctionType, seen: set[CodeType]) -> Iterator[str]:
    if code in seen:
        return
    seen.add(code)
    before = ""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("CACHE", "EXTENDED_ARG", "PUSH_NULL"):
            continue
        if before == "service":
            name = instruction.argval
            if instruction.opname == "LOAD_GLOBAL":
                name = function.__globals__.get(name)
            if isinstance(name, str) and instruction.opname in ("LOAD_CONST", "LOAD_GLOBAL"):
                yield name
        before = instruction.argval if instruction.opname in ("LOAD_METHOD", "LOAD_ATTR") else ""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _in_code(inner, function, seen)
    for name in code.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper.__module__ == function.__module__:
            yield from _in_code(helper.__code__, helper, seen)
