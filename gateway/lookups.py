"""What a name's addresses are, asked for with an end.

The system's resolver takes no timeout: it has its own, and with a name server that is silent that is half a minute and
more. So it is asked in a thread, which is left behind when the time is over. As many may be left behind as there are
places; beyond that whoever asks waits for a place, and no longer than for an answer.
"""

import ipaddress
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_Reached = TypeVar("_Reached")
Found = list[str] | Exception


class Lookups:
    """A resolver that at most `most` threads ask at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def addresses(self, host: str, port: int, within: float) -> list[str]:
        """All addresses of a name, at most `within` seconds from now.

        Raises TimeoutError when it takes longer, and what the resolver raises: OSError or UnicodeError.
        """
        if _is_address(host):
            return [host]
        end = time.monotonic() + within
        if not self._places.acquire(timeout=max(0.0, within)):
            raise TimeoutError(f"too many names are asked for that nobody answers; {host} was not")
        answer: queue.SimpleQueue[Found] = queue.SimpleQueue()
        try:
            threading.Thread(target=_ask, args=(host, port, answer, self._places), name="lookup", daemon=True).start()
        except RuntimeError as error:  # no thread is to be had
            self._places.release()
            raise OSError(str(error)) from error
        try:
            found = answer.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(f"nobody said in time where {host} is") from None
        if isinstance(found, Exception):
            raise found
        return found

    def reach(self, connect: Callable[[str, float], _Reached], host: str, port: int, within: float) -> _Reached:
        """What `connect(address, seconds)` returns for the first address of the name that it reaches in time.

        Each has an equal share of the time that is left, so that one that is silent leaves some to the next. Raises
        what `addresses` does, and what `connect` raised for the last one.
        """
        end = time.monotonic() + within
        *others, last = self.addresses(host, port, within)
        for number, address in enumerate(others):
            try:
                return connect(address, _share(end, len(others) + 1 - number))
            except Exception:  # noqa: S112 - the next one may be reached
                continue
        return connect(last, _share(end, 1))

    def _renew(self) -> None:
        """A fork has none of its parent's threads."""
        self._places = threading.BoundedSemaphore(self._most)


def _share(end: float, among: int) -> float:
    return max(0.001, (end - time.monotonic()) / among)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ask(host: str, port: int, answer: queue.SimpleQueue[Found], place: threading.BoundedSemaphore) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
    except Exception as error:
        answer.put(error)
    finally:
        place.release()


ours = Lookups(64)
"""For the names that the settings hold."""
theirs = Lookups(16)
"""For those that came with a request: a crowd of names that nobody answers keeps only its own kind waiting."""
