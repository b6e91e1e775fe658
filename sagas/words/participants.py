"""Whom a team's function calls: the services that it names in `ctx.service("...")`, read off its code.

A name is found where it is written out, or is a constant of the function's module, also in helpers of that module that
the function calls. What cannot be read off, `step(..., participant="payments")` says.
"""

from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from sagas.words.code import body_of, inner, instructions


@cache
def called_by(function: Callable[..., Any] | None) -> tuple[str, ...]:
    """The services that the function names, in the order in which they stand there."""
    body = body_of(function)
    return tuple(dict.fromkeys(_in_code(body.__code__, body, set()))) if body else ()


def _in_code(code: CodeType, function: FunctionType, seen: set[CodeType]) -> Iterator[str]:
    if code in seen:
        return
    seen.add(code)
    before = ""
    for instruction in instructions(code):
        if before == "service":
            name = instruction.argval
            if instruction.opname == "LOAD_GLOBAL":
                name = function.__globals__.get(name)
            if isinstance(name, str) and instruction.opname in ("LOAD_CONST", "LOAD_GLOBAL"):
                yield name
        before = instruction.argval if instruction.opname in ("LOAD_METHOD", "LOAD_ATTR") else ""
    for within in inner(code):
        yield from _in_code(within, function, seen)
    for name in code.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper.__module__ == function.__module__:
            yield from _in_code(helper.__code__, helper, seen)
