"""Where in a team's file an exception came from, in a few words."""

import inspect
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from typing import Any


def place_of(error: BaseException, function: Callable[..., Any]) -> str:
    """Such as " at trips/sagas.py, line 11": the last line of the function's own file on the way to the error.

    Empty where that cannot be told, such as of a function that is compiled, or that was called with wrong arguments.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return ""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == code.co_filename]
    return f" at {'/'.join(Path(code.co_filename).parts[-2:])}, line {lines[-1]}" if lines else ""
