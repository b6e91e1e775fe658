"""What is wrong with the functions of a table: whether they can be called as they will be."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

GIVEN = {"accept": ("ctx", "payload"), "summary": ("input",)}
"""What a keyword's function is called with, where that is not the context alone."""
WITH = {1: "one argument", 2: "two arguments"}


def of_functions(thing: object, *words: str) -> Iterator[str]:
    """Functions that may be left out."""
    for word in words:
        function = getattr(thing, word)
        if function is not None:
            yield from of_function(word, function)


def of_function(word: str, function: Any) -> Iterator[str]:
    """One function, under the keyword that names it."""
    given = GIVEN.get(word, ("ctx",))
    if not callable(function):
        yield f"{word} must be a function of the {'input' if given == ('input',) else 'context'}, not {function!r}."
        return
    called = f"{getattr(function, '__name__', word)}({', '.join(given)})"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{word} is async, and nobody would await it; write it as a plain function, def {called}."
    elif inspect.isgeneratorfunction(function) and word != "items":
        yield f"{word} has a yield in it, so that a call does nothing; write def {called}, and return what comes of it."
    elif not _takes(function, len(given)):
        taken = inspect.signature(function)
        yield f"{word} is called with {WITH[len(given)]}, {called}, and takes {taken}; write def {called}."


def _takes(function: Callable[..., Any], number: int) -> bool:
    try:
        inspect.signature(function).bind(*range(number))
    except ValueError:  # what is written in C may have no signature
        return True
    except TypeError:
        return False
    return True
