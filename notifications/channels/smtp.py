"""Django's mail back end for SMTP, for servers that may speak slowly or without an end.

`smtplib` bounds each single read and nothing else: a server that sends a byte now and then, or line after line of one
reply, would hold a worker for ever.
"""

import io
import smtplib
import socket
from typing import Any

from django.core.mail.backends import smtp

from gateway.deadlines import left
from gateway.lookups import ours

TIMEOUT = 10.0  # seconds for a connection and for one silence, where the settings name none
GO_ON = 354
MOST_SAID = 256 * 1024  # bytes of all replies of one connection


class EmailBackend(smtp.EmailBackend):
    """Made by the channel e-mail instead of Django's; what is read of the server ends with `gateway.deadlines`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.timeout is None:
            self.timeout = TIMEOUT

    @property
    def connection_class(self) -> Any:
        """`smtplib`'s, with an end."""
        return _OverTls if self.use_ssl else _Plain


class _Bounded(smtplib.SMTP):
    said = 0
    offered = False  # the server has asked for the message, so it may have it

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        """The connection, within the time that there is for it, the look for the name included."""
        connect, rest = super()._get_socket, left()  # type: ignore[misc]
        within = timeout if rest is None else min(timeout, rest)
        sock = ours.reach(lambda address, seconds: connect(address, port, seconds), host, port, within)
        sock.settimeout(timeout)
        return sock

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, read through a file that counts; STARTTLS makes `smtplib` forget it, and it is made anew."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Heard(self, self.sock))
        code, text = super().getreply()
        self.offered = self.offered or code == GO_ON
        return code, text


class _Plain(_Bounded):
    pass


class _OverTls(_Bounded, smtplib.SMTP_SSL):
    pass


class _Heard(io.RawIOBase):
    """What a server says, as long as there is time and it is not too much."""

    def __init__(self, connection: _Bounded, sock: socket.socket) -> None:
        self._connection, self._sock = connection, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        rest, timeout = left(), self._sock.gettimeout()
        if self._connection.said > MOST_SAID:
            raise TimeoutError("it says more than a mail server has to say")
        if rest is not None:
            if rest <= 0:
                raise TimeoutError("it takes longer than it may")
            self._sock.settimeout(rest if timeout is None else min(timeout, rest))
        try:
            read = self._sock.recv_into(buffer)
        except TimeoutError:
            raise TimeoutError("it takes longer than it may") from None
        finally:
            self._sock.settimeout(timeout)
        self._connection.said += read
        return read
