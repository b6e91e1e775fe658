"""The calls that are replayed for ever: each weapon at the doors it was made for, and what fuzzing has found."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.hostile import ammunition
from tests.hostile.call import Call
from tests.hostile.doors import Address, addresses
from tests.hostile.mutation import with_field, with_query

FOUND = Path(__file__).with_name("found.jsonl")
"""One call a line, each of which broke something once."""


def found() -> list[Call]:
    """What fuzzing has found."""
    return [Call.read(line) for line in FOUND.read_text().splitlines()]


def bodies() -> Iterator[Call]:
    """Whole bodies at the doors that read one."""
    for call in _writes("sagas", "signal", "callback", "decide", "notifications"):
        yield from (Call(**{**vars(call), "body": body}) for body in ammunition.BODIES)


def fields() -> Iterator[Call]:
    """Each value in each field of every door that reads a body, the large ones only where any JSON is taken."""
    for address in _doors():
        call = address.calls()[1]
        for name in address.body:
            any_json = name in ("input", "payload", "form", "result", "content")
            for value in ammunition.VALUES:
                if any_json or len(value) < 300:
                    yield with_field(call, name, value)


def headers() -> Iterator[Call]:
    """Each header at a list, a start, and two pages of the console."""
    for call in _of("sagas", "sagas_saga_changelist", "approval"):
        for name, value in ammunition.HEADERS:
            yield Call(**{**vars(call), "headers": {**call.headers, name: value}})


def streams() -> Iterator[Call]:
    """Each number, and what is none, as the last event that somebody has seen, at streams that end and that do not."""
    seen = (*ammunition.TEXTS, *(value for value in ammunition.VALUES if len(value) < 300), "²", "٣", "1 ", "+1", "0x1")
    for call in _of("events"):
        for plight in ("{waiting}", "{asked}", "{stuck}", "{back}", "{ended}"):
            at = {**vars(call), "path": call.path.replace("{waiting}", plight), "method": "GET", "body": b""}
            yield Call(**at)
            for value in seen:
                yield Call(**{**at, "headers": {**call.headers, "Last-Event-ID": value}})


def queries() -> Iterator[Call]:
    """Each query, and each text in each known parameter, at every address that is read."""
    for address in addresses():
        call = address.calls()[0]
        yield from (Call(**{**vars(call), "query": query}) for query in ammunition.QUERIES if len(query) < 999)
        for name in address.query:
            yield from (with_query(call, name, text) for text in ammunition.TEXTS)


def paths() -> Iterator[Call]:
    """Each text where an id stands."""
    for address in addresses():
        for call in address.calls():
            before, brace, after = address.path.partition("{")
            if brace:
                tail = after.partition("}")[2]
                yield from (Call(**{**vars(call), "path": before + text + tail}) for text in ammunition.TEXTS)
            yield from (Call(**{**vars(call), "path": quote(call.path) + text}) for text in ("x", "//", "%00", "%0a"))


def methods() -> Iterator[Call]:
    """Each method at every address."""
    for address in addresses():
        for call in address.calls():
            yield from (Call(**{**vars(call), "method": method}) for method in ammunition.METHODS)


KINDS = {call.__name__: call for call in (bodies, fields, headers, streams, queries, paths, methods)}


def _doors() -> list[Address]:
    return [address for address in addresses() if address.body and not address.is_console]


def _of(*names: str) -> Iterator[Call]:
    for address in addresses():
        if address.name in names:
            yield from address.calls()


def _writes(*names: str) -> Iterator[Call]:
    return (call for call in _of(*names) if call.method == "POST")
