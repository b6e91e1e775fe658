"""What a caller wrote, said back: shortened, so that a long name makes no long answer."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LONGEST = 60


def echo(name: object) -> str:
    """A name, quoted."""
    return repr(str(name)[:LONGEST])


def hint(name: object, known: Sequence[str]) -> str:
    """The end of a sentence about a name that there is not: the one that was meant, most likely, or all that are."""
    near = get_close_matches(str(name)[:LONGEST], known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}."


def pointer(location: Iterable[str | int]) -> str:
    """A place in what was sent, as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part)[:LONGEST].replace("~", "~0").replace("/", "~1") for part in location)
