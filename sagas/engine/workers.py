"""Who is alive. Each worker process has one small thread, independent of Celery's consumer.

It beats the process's heart, sweeps when nobody else did, and looks at the door by itself when the doorbell is broken:
then it claims and runs what is due on its queues, within its concurrency. So sagas go on with the broker switched off.

Where the broker does not rank its messages, a worker that is told of one step first does what comes before it.
"""

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import Exists

from gateway import doorbell, pulse
from gateway.borrowing import borrowed
from gateway.doorbell import Rank
from gateway.ids import uuid7
from sagas.conf import conf
from sagas.engine import alerting, dispatch, door
from sagas.engine.delivery import deliver
from sagas.engine.slots import Slots
from sagas.engine.sweep import sweep
from sagas.models import Run, Work, Worker
from sagas.record import clock, holds
from sagas.record.turn import Bell
from sagas.words import boundaries, registry

logger = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two rounds of the worker's own thread."""
LOOK = 1.0
"""Seconds between two looks at which participants are held."""
BATCH = 1000
"""What one look at the door finds at most."""
QUICK = 0.1
"""Seconds after which the next step of a message that names several is left to others."""
IN_VAIN = 3
"""What was found so often and could not be claimed is nobody's; then a worker goes on."""


class Here:
    """This process as a worker: its identity, its slots, its thread."""

    def __init__(
        self, *, name: str = "", queues: Sequence[str] = (), concurrency: int = 1, ranked: bool = True
    ) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.queues = list(queues)
        self.concurrency = concurrency
        self.id: UUID = uuid7()
        self._begun = self._registered = self._left = False
        self._beating = threading.RLock()
        self.slots = Slots(concurrency)
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="door")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="saga-worker", daemon=True)
        self._beaten = self._next_sweep = self._next_look = float("-inf")
        self._telling: threading.Thread | None = None
        self._broken_until = 0.0
        self._sang = self._look_first = False
        self._ranked = ranked
        self._lying = door.Lying(lambda: self.left_lying(BATCH))
        self._before = {rank: door.Lying(partial(self._due_before, rank)) for rank in Rank}

    def start(self) -> None:
        self._begun = True
        self._thread.start()

    def stop(self) -> None:
        """From now on nothing new is claimed; what runs is recorded."""
        self._stopping.set()

    def leave(self) -> None:
        """Say goodbye at an orderly end, so that nobody takes this process for dead.

        One that still holds a step says nothing: its silence gives that to others.
        """
        self.stop()
        if not self._registered or not pulse.database_answers():
            return
        with self._beating, borrowed():
            held = Run.objects.filter(work=Work.RUNNING, worker=self.id)
            if Worker.objects.filter(~Exists(held), pk=self.id).delete()[0]:
                self._left = True
                boundaries.committed("forgotten")

    def deliver(self, run_id: int, fence: int, rank: Rank = Rank.NORMAL, *, more: Sequence[door.Found] = ()) -> int:
        """Run a due step in one of this process's slots, after what comes before its rank; how many attempts of it.

        `more` is done as well if it is all quick; what is not begun after a while is rung for again, one by one.
        """
        with self.slots.told():
            if self._begun:
                self._be_known()
            if self._look_first:
                self._look_in_passing()
            if not self._ranked and not self._give_way(rank):
                _ring_again(run_id, fence)
                left, done = more, 0
            else:
                left, done = self._deliver_quickly([(run_id, fence), *more])
        for found in left:
            _ring_again(*found)
        return done

    def _deliver_quickly(self, found: Sequence[door.Found]) -> tuple[Sequence[door.Found], int]:
        """Do the first, and the others for a while; what is left of them, and how many attempts were made."""
        until, done = time.monotonic() + QUICK, 0
        for number, (run_id, fence) in enumerate(found):
            if number and (time.monotonic() > until or self._stopping.is_set()):
                return found[number:], done
            done += self._deliver(run_id, fence)
        return (), done

    def _deliver(self, run_id: int, fence: int) -> int:
        return deliver(run_id, fence, self.id, stopping=self._stopping.is_set)

    def _give_way(self, rank: Rank) -> bool:
        """Do what comes before that rank; False when there is more of it than fits into one slice."""
        until, tried = time.monotonic() + conf().slice_time.total_seconds(), Counter[door.Found]()
        while (urgent := self._before[rank].next()) and tried[urgent] < IN_VAIN:
            if time.monotonic() > until or self._stopping.is_set():
                return False
            if not self._deliver(*urgent):  # most likely somebody else took it first
                tried[urgent] += 1
        return True

    def _due_before(self, rank: Rank) -> list[door.Found]:
        try:
            return door.waiting(self.queues, timedelta(0), BATCH, before=rank)
        except (OperationalError, InterfaceError):  # the step itself waits for the database
            return []

    def _be_known(self) -> None:
        """Beat before anything is claimed, where that is overdue.

        Nobody takes over what was claimed under a name that was not written down yet; and after the process was
        frozen, its old name may be gone, and what it claims under that would be taken from it at once.
        """
        with self._beating:
            if time.monotonic() - self._beaten > conf().gone_after.total_seconds() / 2:
                self.beat()

    def _live(self) -> None:
        while True:  # also while stopping, since steps that still run would be taken over otherwise
            time.sleep(TICK)
            try:
                self._tick()
            except Exception as error:  # the thread outlives whatever the database does
                logger.warning("The worker's own thread could not do its round: %s", error)

    def _tick(self) -> None:
        if time.monotonic() - self._beaten >= conf().beat_every.total_seconds():
            self.beat()
        elif time.monotonic() >= self._next_look:
            self._look_at_holds()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + conf().sweep_every.total_seconds()
            if sweep():
                self._tell_people()
        if not self._stopping.is_set():
            self.look_at_the_door()

    def _tell_people(self) -> None:
        """Beside the sweep: a notification service that is slow must not stop this process's heart."""
        if self._telling is None or not self._telling.is_alive():
            self._telling = threading.Thread(target=_alert, name="saga-alerts", daemon=True)
            self._telling.start()

    def _look_at_holds(self) -> None:
        """Which participants are held: known before anything is claimed, and again every second."""
        self._next_look = time.monotonic() + LOOK
        holds.look()

    def beat(self) -> None:
        """Tell that this process lives. One that was declared gone begins anew: what it held was given away."""
        self._look_at_holds()
        with self._beating, borrowed():
            if self._left:
                return
            beaten, now = time.monotonic(), clock.now()
            probed = {"probed_at": now} if self._sang else {}
            if self._registered and Worker.objects.filter(pk=self.id, gone_at=None).update(beat_at=now, **probed):
                self._beaten, self._sang = beaten, False
                boundaries.committed("beat")
                return
            if self._registered:
                logger.warning("This worker was declared gone and begins anew.")
            self.id = uuid7()  # also at the first beat: one whose answer was lost may have written the row
            Worker.objects.create(
                id=self.id,
                name=self.name,
                definitions=[[d.name, d.version, d.fingerprint] for d in registry.everything()],
                queues=self.queues,
                concurrency=self.concurrency,
                started_at=now,
                beat_at=now,
            )
            self._registered, self._beaten = True, beaten
            boundaries.committed("beat")

    def sang(self) -> None:
        """This process heard a message that its worker had sent itself; told with the next heartbeat."""
        self._sang = True

    def look_at_the_door(self) -> None:
        """Take what is due on our queues and was left lying, as many as there are idle slots.

        Where none is, who is told of a step next takes one of those first: it may be long until a slot is idle.
        """
        self._look_first = True
        while self.slots.take_idle():
            self._look_first = False
            found = self._lying.next()
            if found is None:
                self.slots.release()
                return
            self._pool.submit(self._answer, *found)

    def _look_in_passing(self) -> None:
        """Take one of what was left lying, and so will who is told next, as long as there is any."""
        self._look_first = False
        try:
            found = None if self._stopping.is_set() else self._lying.next()
            if found:
                self._look_first = True
                self._deliver(*found)
        except Exception as error:  # what we were told of is not lost for that
            logger.warning("A step found at the door could not be delivered; it is found again: %s", error)

    def left_lying(self, most: int) -> list[door.Found]:
        """What is due on our queues without anybody having come for it: for some seconds, or, when the bell is known to
        be broken, at all."""
        broken = doorbell.failing_since() is not None or time.monotonic() < self._broken_until
        patience = timedelta(0) if broken else conf().look_after
        found = door.waiting(self.queues, patience, most)
        if not found or broken:
            return found
        self._broken_until = time.monotonic() + 4 * conf().look_after.total_seconds()
        return door.waiting(self.queues, timedelta(0), most)  # what came later may be more urgent

    def _answer(self, run_id: int, fence: int) -> None:
        """Run what was found, then look again, until nothing is left lying or who was told wants our slot.

        Else a crowd would be served from the database alone: every process goes through it in the same order, bells
        are heard no more, and what beat asks for is not done.
        """
        found: door.Found | None = (run_id, fence)
        try:
            while found and not self._stopping.is_set():
                self._deliver(*found)
                found = None if self.slots.wanted else self._lying.next()
        except Exception:
            logger.exception("A step found at the door could not be delivered; it is found again.")
        finally:
            self.slots.release()


def _alert() -> None:
    try:
        alerting.alert()
    except Exception as error:  # as the worker's own thread, it tries again whatever the database does
        logger.warning("Nobody could be told of trouble: %s", error)


def _ring_again(run_id: int, fence: int) -> None:
    with borrowed():
        run = Run.objects.select_related("saga").filter(pk=run_id, fence=fence, work=Work.DUE).first()
        now = clock.now()
    if run is not None:
        dispatch.ring([Bell.of(run, now, run.saga.definition)])


_here: Here | None = None


def here() -> Here:
    """This process's worker; outside Celery one without a thread."""
    global _here
    if _here is None:
        _here = Here()
    return _here


def outlive_all() -> None:
    """Declare every registered process gone at once: only for one that holds the lock that makes it the only one."""
    with borrowed():
        if Worker.objects.filter(gone_at=None).update(gone_at=clock.now()):
            boundaries.committed("judged")


def begin(*, name: str, queues: Sequence[str], concurrency: int, ranked: bool) -> Here:
    """This process works from now on: called once in each process that runs tasks.

    `ranked` says that its broker serves messages by their rank.
    """
    global _here
    _here = Here(name=name, queues=queues, concurrency=concurrency, ranked=ranked)
    _here.start()
    return _here
