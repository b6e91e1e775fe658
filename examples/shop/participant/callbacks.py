"""Calling a caller back: what is to be told is a row, committed with what it tells of, and sent until it is taken."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
from django.db import DatabaseError, transaction
from django.utils import timezone

from examples.shop.participant.door import writing
from examples.shop.participant.models import Callback
from examples.shop.participant.switches import Switch, board

logger = logging.getLogger(__name__)

AT_ONCE = timedelta(0)
LONGEST_PAUSE = timedelta(seconds=5)
TIMEOUT = timedelta(seconds=10)
LOOK_EVERY = timedelta(seconds=1)
NOT_NOW = (408, 425, 429)

_wake = threading.Event()


def call_back(url: str, body: object, *, after: timedelta = AT_ONCE) -> None:
    """Have this JSON sent to that address once the transaction is committed; without an address nobody is told."""
    if url:
        Callback.objects.create(url=url, body=body, at=timezone.now() + after)
        transaction.on_commit(_wake.set)


def begin_calling() -> None:
    """Send what is to be sent, in threads of this process; first of all what an earlier process left."""
    Callback.objects.filter(settled=False).update(at=timezone.now())
    threading.Thread(target=_send_for_ever, daemon=True).start()


def _send_for_ever() -> None:
    with ThreadPoolExecutor(8) as pool, httpx.Client(timeout=TIMEOUT.total_seconds(), trust_env=False) as client:
        while True:
            try:
                for callback in _due():
                    pool.submit(_send, callback, client)
                pause = _pause()
            except DatabaseError:
                logger.exception("What is to be sent could not be read; it is tried again.")
                pause = LOOK_EVERY
            _wake.wait(pause.total_seconds())
            _wake.clear()


def _due() -> Sequence[Callback]:
    """What is to be sent now, put off until its answer must be there."""
    now = timezone.now()
    with writing:
        due = list(Callback.objects.filter(settled=False, at__lte=now))
        Callback.objects.filter(pk__in=[callback.pk for callback in due]).update(at=now + 2 * TIMEOUT)
    return due


def _pause() -> timedelta:
    """How long until the next one is due, as far as is known now."""
    coming = Callback.objects.filter(settled=False).order_by("at").values_list("at", flat=True).first()
    return min(max(coming - timezone.now(), AT_ONCE), LOOK_EVERY) if coming else LOOK_EVERY


def _send(callback: Callback, client: httpx.Client) -> None:
    """Send it once, or as the switch has it, and write down what came back."""
    switch = board.take_callback(callback.body)
    match switch:
        case Switch(what="call_late"):
            _write(callback, after=timedelta(milliseconds=switch.milliseconds))
        case Switch(what="call_lost"):
            _write(callback, settled=True)
        case _:
            answers = [_answer(callback, client)]
            if switch is not None:
                answers.append(_answer(callback, client))
            settled = any(200 <= answer < 500 and answer not in NOT_NOW for answer in answers)
            pause = min(timedelta(milliseconds=200) * 2**callback.tries, LONGEST_PAUSE)
            _write(callback, *answers, settled=settled, after=pause)


def _answer(callback: Callback, client: httpx.Client) -> int:
    try:
        return client.post(callback.url, json=callback.body).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return 0


def _write(callback: Callback, *answers: int, settled: bool = False, after: timedelta = AT_ONCE) -> None:
    with writing:
        Callback.objects.filter(pk=callback.pk).update(
            tries=callback.tries + len(answers),
            answers=callback.answers + list(answers),
            settled=settled,
            at=timezone.now() + after,
        )
    _wake.set()
