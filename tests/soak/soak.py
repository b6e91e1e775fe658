"""One run: the scene is set, the load and the faults go on, everything comes to rest, and the checker judges."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from tests.harness.waiting import TooLate, wait_until
from tests.soak import clocks
from tests.soak.caller import Caller
from tests.soak.checker.verdict import Evidence, Verdict, judge
from tests.soak.disturbed import Disturbance, now
from tests.soak.disturber import Disturber
from tests.soak.load import Load
from tests.soak.operator import Operator
from tests.soak.people import People
from tests.soak.plan import Round, plan
from tests.soak.profile import DRAIN, EVERYTHING_ENDS, Profile
from tests.soak.promises import Promises
from tests.soak.samples import DEAD, Sampler
from tests.soak.scene import MINUTE, Scene
from tests.soak.site import Site

PROGRESS_EVERY = 5.0
WARM = 5
READY = "SELECT count(*) FROM sagas_worker WHERE gone_at IS NULL"
PATIENCE = timedelta(minutes=5)


class Soak:
    """A run of one profile under one seed; `say` prints a line."""

    def __init__(self, profile: Profile, seed: int, say: Callable[[str], None], *, calm: bool = False) -> None:
        self.profile, self.seed, self.say = profile, seed, say
        self.without = () if clocks.library() else ("clock off",)
        self.rounds: list[Round] = [] if calm else plan(seed, profile.rounds, without=self.without)
        self.promises = Promises()
        self.began = now()
        self.last_fault = self.began
        self._over = threading.Event()

    def run(self) -> Verdict:
        """Do it all. Raises when the scene itself cannot be set."""
        with Scene() as scene:
            self.scene, self.site = scene, Site(scene, Operator(self._caller, self.promises))
            self.sampler = Sampler(scene, self.promises)
            self.people = People(self._caller, self.promises, self.seed)
            self.load = Load(
                self._caller,
                self.promises,
                self.seed,
                rate=self.profile.rate,
                may_start=self._has_room,
                whenever=self.people.attend,
            )
            self.disturber = Disturber(self.site, self.rounds, self.seed)
            self._go()
            return self._judge()

    @property
    def faults(self) -> list[Disturbance]:
        return self.disturber.faults

    def _caller(self) -> Caller:
        return Caller(self.scene.webs, self.scene.key)

    def _has_room(self) -> bool:
        return len(self.promises.starts) - self.sampler.last.ended < self.profile.most_live

    def _go(self) -> None:
        for web in self.scene.supervisor.of("web"):
            self.scene.wait_for_web(web.name)
        wait_until(lambda: self.scene.number(READY) >= 3, "the workers are known", 2 * MINUTE)
        self.began = now()
        self.sampler.start()
        self.people.begin()
        self.load.begin()
        progress = threading.Thread(target=self._tell_progress, daemon=True)
        progress.start()
        try:
            wait_until(lambda: self.sampler.last.ended >= WARM, "the first sagas end", 2 * MINUTE)
            self.disturber.run()
            self.last_fault = now()
            self.scene.gates.open_all()
            self._start_the_rest()
            self.load.stop()
            self.dead = self._come_to_rest()
        finally:
            self.load.stop(patiently=False)
            self.people.stop()
            self.sampler.stop()
            self._over.set()
            progress.join()

    def _start_the_rest(self) -> None:
        """The load goes on until there were as many sagas as there are to be."""
        last, moved = 0, time.monotonic()
        while (number := len(self.promises.starts)) < self.profile.sagas:
            if number > last:
                last, moved = number, time.monotonic()
            if time.monotonic() - moved > PATIENCE.total_seconds():
                return
            time.sleep(0.2)

    def _come_to_rest(self) -> list[str]:
        """Wait for the last saga; what stands still a minute after the last fault, or after the last start."""
        since = time.monotonic()
        dead: list[str] = []
        try:
            wait_until(self._all_ended, "every saga ends", DRAIN)
        except TooLate:
            dead = [f"{row['id']} ({row['state']})" for row in self.scene.rows(DEAD)]
            self.say(f"After {time.monotonic() - since:.0f} s {self.sampler.last.live} sagas are live.")
            try:
                wait_until(self._all_ended, "every saga ends", EVERYTHING_ENDS)
            except TooLate as late:
                self.say(str(late))
        return dead

    def _all_ended(self) -> bool:
        return bool(self.scene.number("SELECT count(*) FROM sagas_saga WHERE ended_at IS NULL") == 0)

    def _judge(self) -> Verdict:
        self.scene.supervisor.stop()
        self.logs = sorted(self.scene.product.folder.glob("*.log"))
        evidence = Evidence(
            profile=self.profile,
            database=self.scene.database,
            ledgers=self.scene.ledgers,
            logs=self.logs,
            secret=self.scene.secret,
            promises=self.promises,
            faults=self.faults,
            losses=self.site.losses,
            sampler=self.sampler,
            dead=self.dead,
            without=self.without,
        )
        verdict = judge(evidence)
        verdict.vacuous += self.disturber.broken
        return verdict

    def _tell_progress(self) -> None:
        while not self._over.wait(PROGRESS_EVERY):
            self.say(self.progress())

    def progress(self) -> str:
        """How it stands, in a line."""
        count = self.sampler.last
        clock = elapsed(self.began, now())
        sagas = f"started {len(self.promises.starts)}, ended {count.ended}, live {count.live}"
        return f"{clock}  {sagas}, needs a person {count.needing} | {self.disturber.last}"


def elapsed(began: datetime, ended: datetime) -> str:
    """As minutes and seconds."""
    seconds = int((ended - began).total_seconds())
    return f"{seconds // 60:2}:{seconds % 60:02}"


def keep_logs(logs: list[Path], folder: Path) -> None:
    """Copy what the processes said."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in logs:
        (folder / log.name).write_bytes(log.read_bytes())
