"""One client's conversation with PostgreSQL, followed closely enough to know when it commits.

Messages are a byte for the kind, four for the length, and the rest (protocol 3.0); only the first ones have no kind.
A commit is a statement that begins with COMMIT, or one that writes while no transaction is open: then the end of the
request is the commit. Prepared statements are known by their names.
"""

import re
import struct

_PROTOCOL = 196608
_WRITES = re.compile(rb"\b(INSERT\s+INTO|UPDATE\s|DELETE\s+FROM)", re.IGNORECASE)
_COMMIT = re.compile(rb"\s*COMMIT\b", re.IGNORECASE)
_READY = b"Z\x00\x00\x00\x05"
_READY_LENGTH = len(_READY) + 1


class Conversation:
    """What the client has said so far; `idle` until the server says that a transaction is open."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False
        self._statements: dict[bytes, bytes] = {}
        self._bound = b""
        self.idle = True

    def said(self, data: bytes) -> tuple[bytes, bool]:
        """What the client sent: the whole messages of it so far, and whether they commit."""
        data, position, commits = self._rest + data, 0, False
        while (end := self._end(data, position)) is not None:
            commits = self._hear(data[position:end]) or commits
            position = end
        self._rest = data[position:]
        return data[:position], commits

    def answered(self, data: bytes) -> None:
        """What the server sent: at the end of an answer it tells whether a transaction is open."""
        if (state := ready_in(data)) is not None:
            self.idle = state == b"I"

    def _end(self, data: bytes, position: int) -> int | None:
        head = position + self._begun
        if len(data) < head + 4:
            return None
        end = head + int(struct.unpack_from("!i", data, head)[0])
        return end if len(data) >= end else None

    def _hear(self, message: bytes) -> bool:
        if not self._begun:
            self._begun = struct.unpack_from("!i", message, 4)[0] == _PROTOCOL
            return False
        kind, body = message[:1], message[5:]
        match kind:
            case b"Q":
                return self._commits(body)
            case b"P":
                name, _, rest = body.partition(b"\0")
                self._statements[name] = rest.partition(b"\0")[0]
            case b"B":
                self._bound = self._statements.get(body.split(b"\0", 2)[1], b"")
            case b"S":
                bound, self._bound = self._bound, b""
                return self._commits(bound)
        return False

    def _commits(self, statement: bytes) -> bool:
        return bool(_COMMIT.match(statement) or (self.idle and _WRITES.search(statement)))


def ready_in(data: bytes) -> bytes | None:
    """The state that the server tells with the last of these bytes, if it ends an answer: `I`, `T` or `E`."""
    end = data[-_READY_LENGTH:]
    return end[-1:] if len(end) == _READY_LENGTH and end.startswith(_READY) else None
