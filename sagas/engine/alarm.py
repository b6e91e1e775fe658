"""An alarm clock for functions that hang: it can wake them where a signal can, in the main thread."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from sagas.errors import Unknown


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise `Unknown` in the code within after that time.

    Works in the main thread, which is where prefork and solo workers run their tasks; elsewhere, and where somebody
    else uses the alarm signal, the attempt's lease is what ends it.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGALRM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _ring(number: int, frame: FrameType | None) -> NoReturn:
    raise Unknown("The function did not come back within the step's timeout.", code="timeout")
