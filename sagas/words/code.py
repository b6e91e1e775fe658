"""What can be read off a team's function without calling it."""

import dis
from collections.abc import Iterator
from functools import partial
from inspect import unwrap
from types import CodeType, FunctionType

BESIDE_THE_POINT = ("CACHE", "EXTENDED_ARG", "PUSH_NULL")


def body_of(thing: object) -> FunctionType | None:
    """The function as it was written, below decorators, partials and methods; None for what is not in Python."""
    while isinstance(thing, partial):
        thing = thing.func
    thing = unwrap(thing) if callable(thing) else thing
    thing = getattr(thing, "__func__", thing)
    return thing if isinstance(thing, FunctionType) else None


def instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """What the code does, without what is there for the interpreter alone."""
    return (found for found in dis.get_instructions(code) if found.opname not in BESIDE_THE_POINT)


def inner(code: CodeType) -> Iterator[CodeType]:
    """The code of lambdas, comprehensions and functions inside."""
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))
