"""A mail server made of a socket: it takes mail, or answers the commands that a test names with what the test says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

USUAL = {
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 bye",
}

HANG_UP = "hang up"
"""In place of an answer: the connection is closed."""
SILENCE = "silence"
"""In place of an answer: none comes."""
DRIP = "drip"
"""In place of an answer: a byte of one now and then, until the other side gives up."""
FLOOD = "flood"
"""In place of an answer: line after line of one, until the other side gives up."""


@dataclass
class MailServer:
    """What it answers otherwise than usual, and what it took.

    Answers are by command; `.` is the end of the data, `HELLO` the greeting.
    """

    answers: dict[str, str] = field(default_factory=dict)
    mails: list[bytes] = field(default_factory=list)
    port: int = 0


@contextmanager
def listening() -> Iterator[MailServer]:
    """A mail server on a free port."""
    found, open_connections = MailServer(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        found.port = server.getsockname()[1]
        acceptor = threading.Thread(target=_accept, args=(server, found, open_connections))
        acceptor.start()
        try:
            yield found
        finally:
            for one in (server, *open_connections):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def _accept(server: socket.socket, found: MailServer, open_connections: list[socket.socket]) -> None:
    with suppress(OSError):  # the listener is shut down at the end of the test
        while True:
            connection, _ = server.accept()
            open_connections.append(connection)
            with connection, suppress(OSError):
                _talk(connection, found)


def _talk(connection: socket.socket, found: MailServer) -> None:
    lines = connection.makefile("rb")
    if not _answer(connection, found.answers.get("HELLO", "220 here")):
        return
    while line := lines.readline():
        command = line.split()[0].decode().upper()
        answer = found.answers.get(command) or USUAL.get(command, "250 ok")
        if not _answer(connection, answer):
            return
        if command == "DATA" and answer.startswith("354"):
            mail = b"".join(iter(lines.readline, b".\r\n"))
            answer = found.answers.get(".", USUAL["."])
            if answer.startswith("250") or answer in (HANG_UP, SILENCE, DRIP):
                found.mails.append(mail)  # a server that hangs up may well have taken it
            if not _answer(connection, answer):
                return


def _answer(connection: socket.socket, answer: str) -> bool:
    if answer == HANG_UP:
        return False
    if answer == SILENCE:
        connection.recv(1)  # until the other side gives up
        return False
    if answer in (DRIP, FLOOD):
        pause = threading.Event()
        while True:  # sending fails when the other side has closed
            connection.sendall(b"2" if answer == DRIP else b"250-more\r\n" * 1000)
            pause.wait(0.05 if answer == DRIP else 0)
    connection.sendall(answer.encode() + b"\r\n")
    return True
