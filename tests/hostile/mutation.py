"""Calls made from calls, by a seed: a value, a header, a byte is another one."""

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.hostile import ammunition
from tests.hostile.call import Call


def with_field(call: Call, name: str, text: str) -> Call:
    """The field of the JSON body holds that JSON text."""
    document = json.loads(call.body)
    document[name] = "HERE"
    return _with(call, body=json.dumps(document).replace('"HERE"', text).encode())


def with_query(call: Call, name: str, text: str) -> Call:
    """The query's parameter holds that text, which is percent-encoded already."""
    others = urlencode([(known, value) for known, value in parse_qsl(call.query) if known != name], safe="{}")
    return _with(call, query=f"{others}&{name}={text}".lstrip("&"))


def mutated(call: Call, chance: Random) -> Call:
    """One or a few changes."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        call = chance.choice(CHANGES)(call, chance)
    return call


def _value(call: Call, chance: Random) -> Call:
    """Some value inside the body is another one, or has company."""
    try:
        document = json.loads(call.body)
    except (ValueError, RecursionError):
        return _form(call, chance)
    places: list[tuple[Any, Any]] = list(_places(document))
    if not places:
        return _with(call, body=chance.choice(ammunition.VALUES).encode())
    where, name = chance.choice(places)
    if chance.random() < 0.2 and isinstance(where, dict):
        name = chance.choice(["reason", "step", "id", "x" * 70, "", "ünknown", "definition", "__class__"])
    where[name] = "HERE"
    return _with(call, body=json.dumps(document).replace('"HERE"', chance.choice(ammunition.VALUES)).encode())


def _form(call: Call, chance: Random) -> Call:
    pairs = parse_qsl(call.body.decode("latin-1"))
    if not pairs:
        return _bytes(call, chance)
    at = chance.randrange(len(pairs))
    parts = [f"{name}={chance.choice(ammunition.TEXTS) if n == at else value}" for n, (name, value) in enumerate(pairs)]
    return _with(call, body="&".join(parts).encode("latin-1", "replace"))


def _bytes(call: Call, chance: Random) -> Call:
    body = bytearray(call.body or chance.choice(ammunition.BODIES)[:9999])
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body) + 1)
        match chance.choice(["flip", "cut", "put", "twice", "end"]):
            case "flip" if at < len(body):
                body[at] ^= 1 << chance.randrange(8)
            case "cut":
                del body[at : at + chance.randint(1, 9)]
            case "put":
                body[at:at] = chance.choice([b"\x00", b"\xff", b'"', b"\\", b"{", b"[", b",", b"\\u0000", b"1e400"])
            case "twice":
                body[at:at] = body[:at]
            case "end":
                del body[at:]
    return _with(call, body=bytes(body[:600_000]))


def _header(call: Call, chance: Random) -> Call:
    name, value = chance.choice(ammunition.HEADERS)
    return _with(call, headers={**call.headers, name: value})


def _query(call: Call, chance: Random) -> Call:
    names = [name for name, _ in parse_qsl(call.query)]
    if names and chance.random() < 0.6:
        return with_query(call, chance.choice(names), chance.choice(ammunition.TEXTS))
    more = chance.choice([*ammunition.QUERIES, f"wait={chance.choice(ammunition.TEXTS)}", "dry_run=true", "dry_run=x"])
    return _with(call, query=f"{call.query}&{more}" if chance.random() < 0.5 else more)


def _path(call: Call, chance: Random) -> Call:
    parts = call.path.split("/")
    parts[chance.randrange(1, len(parts))] = chance.choice(
        [*ammunition.TEXTS, "{waiting}", "{stuck}", "{ended}", "{back}"]
    )
    return _with(call, path="/".join(parts))


def _plight(call: Call, chance: Random) -> Call:
    """The same about a saga in another plight."""
    plight = chance.choice(["{waiting}", "{asked}", "{stuck}", "{back}", "{ended}"])
    for name in ("{waiting}", "{asked}", "{stuck}", "{back}", "{ended}"):
        call = _with(call, path=call.path.replace(name, plight))
    return call


def _method(call: Call, chance: Random) -> Call:
    return _with(call, method=chance.choice([*ammunition.METHODS, "GET", "POST"]))


CHANGES: list[Callable[[Call, Random], Call]] = [_value] * 6 + [
    _bytes,
    _header,
    _header,
    _query,
    _path,
    _plight,
    _method,
]


def _places(node: Any) -> Iterable[tuple[Any, Any]]:
    names: Iterable[Any] = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for name in names:
        yield node, name
        yield from _places(node[name])


def _with(call: Call, **changed: Any) -> Call:
    return Call(**{**vars(call), **changed})
