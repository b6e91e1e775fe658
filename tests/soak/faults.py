"""What is done to processes and to services. Each fault ends with everything running again, or being started again."""

import os
import signal
from datetime import timedelta
from functools import partial
from random import Random

import redis

from tests.harness.waiting import wait_until
from tests.soak.clocks import HOUR, off_by
from tests.soak.kinds import KINDS, Part, fault
from tests.soak.scene import WORKERS
from tests.soak.site import Site

__all__ = ["KINDS"]

ANSWERS_WITHIN = timedelta(seconds=60)
HELD = "SELECT count(*) FROM sagas_hold WHERE participant = %s AND ended_at IS NULL"
WAITING = f"SELECT count(*) FROM sagas_run WHERE hold_id IN ({HELD.replace('count(*)', 'id')})"
GARBAGE = (b"\x00 not a message", b"[]", b'{"body": 1, "headers": {}, "properties": {}}', b"{" * 2000)


@fault(Part.WORKERS)
def worker_killed(site: Site, chance: Random) -> str:
    """SIGKILL for a worker with all its processes, while it has work in its hands."""
    with site.scene.supervisor.lent("worker", chance) as member:
        at, runs = site.at_work(member)
        member.process.kill()
        return f"{member.name}: {site.lose('worker killed', at, runs, killed=True)}"


@fault(Part.WORKERS)
def child_killed(site: Site, chance: Random) -> str:
    """SIGKILL for one process of a prefork pool, while it has work in its hands."""
    with site.scene.supervisor.lent("worker prefork", chance) as member:
        at, runs = site.at_work(member)
        for pid in site.pids_at_work(member, runs[:1], chance):
            os.kill(pid, signal.SIGKILL)
        member.process.thaw()
        return f"{member.name}: {site.lose('child killed', at, runs[:1], killed=True)}"


@fault(Part.WORKERS)
def worker_frozen(site: Site, chance: Random) -> str:
    """SIGSTOP until others have taken over, then SIGCONT: it wakes up with results that nobody wants any more."""
    with site.scene.supervisor.lent("worker", chance) as member:
        at, runs = site.at_work(member)
        note = site.lose("worker frozen", at, runs, killed=False)
        member.process.thaw()
        return f"{member.name}: {note}{site.wait_until_it_speaks(at)}"


@fault(Part.WORKERS)
def child_frozen(site: Site, chance: Random) -> str:
    """SIGSTOP for one process of a prefork pool, while its parent and its siblings go on; then SIGCONT."""
    with site.scene.supervisor.lent("worker prefork", chance) as member:
        at, runs = site.at_work(member)
        frozen = site.pids_at_work(member, runs[:1], chance)
        for pid in {member.process.pid, *member.process.children()} - {*frozen}:
            os.kill(pid, signal.SIGCONT)
        note = site.lose("child frozen", at, runs[:1], killed=False)
        member.process.thaw()
        return f"{member.name}: {note}{site.wait_until_it_speaks(at)}"


@fault(Part.WORKERS)
def worker_halted(site: Site, chance: Random) -> str:
    """SIGSTOP for less time than it takes to be missed: nobody takes over, and nothing is lost."""
    with site.scene.supervisor.lent("worker", chance) as member:
        _, runs = site.at_work(member)
        site.hold(chance.uniform(2, 7))
        member.process.thaw()
        return f"{member.name}: {len(runs)} in hand"


@fault(Part.WEB)
def web_killed(site: Site, chance: Random) -> str:
    """SIGKILL for a web server with requests under way."""
    with site.scene.supervisor.lent("web", chance) as member:
        member.process.kill()
        wait_until(lambda: member.process.alive, "it is started again", ANSWERS_WITHIN)
        site.scene.wait_for_web(member.name)
        return member.name


@fault(Part.BEAT)
def beat_killed(site: Site, chance: Random) -> str:
    with site.scene.supervisor.lent("beat", chance) as member:
        member.process.kill()
        return member.name


@fault(Part.BEAT)
def beat_frozen(site: Site, chance: Random) -> str:
    with site.scene.supervisor.lent("beat", chance) as member:
        member.process.freeze()
        site.hold(4)
        member.process.thaw()
        return member.name


@fault(Part.WORKERS)
def clock_off(site: Site, chance: Random) -> str:
    """A worker is replaced by one whose clock is an hour off, which then stays until the next deploy."""
    with site.scene.supervisor.lent("worker threads", chance) as member:
        by = chance.choice([HOUR, -HOUR])
        member.replace(partial(site.scene.launch_worker, member.name, "threads", WORKERS["threads"], **off_by(by)))
        return f"{member.name}: {by / HOUR:+.0f} h"


@fault(Part.WORKERS, Part.WEB, Part.BEAT)
def rolling_deploy(site: Site, chance: Random) -> str:
    """Web servers, workers and beats are replaced one after another, each in good order."""
    supervisor, took = site.scene.supervisor, {}
    for role in ("web", "worker prefork", "worker threads", "beat"):
        for member in supervisor.of(role):
            with supervisor.lent(role, chance, name=member.name):
                took[member.name] = member.replace(member.usual)
                if role == "web":
                    site.scene.wait_for_web(member.name)
                elif role.startswith("worker"):
                    site.wait_for_worker(member)
    return ", ".join(f"{name} stopped in {seconds:.1f} s" for name, seconds in took.items())


@fault(Part.BROKER)
def redis_killed(site: Site, chance: Random) -> str:
    site.scene.redis.kill()
    site.hold(3)
    site.scene.redis.start()
    return "3 s"


@fault(Part.BROKER)
def redis_flushed(site: Site, chance: Random) -> str:
    site.scene.redis.flush()
    return ""


@fault(Part.BROKER)
def redis_frozen(site: Site, chance: Random) -> str:
    site.scene.redis.freeze()
    site.hold(4)
    site.scene.redis.thaw()
    return "4 s"


@fault(Part.BROKER, Part.WORKERS)
def garbage(site: Site, chance: Random) -> str:
    """What is no message, and messages that are no task's, where workers look for theirs."""
    with redis.Redis.from_url(site.scene.redis.url, socket_timeout=5) as client:
        for queue in ("sagas", "sagas:soak_line"):
            client.lpush(queue, chance.choice(GARBAGE))
    return "2 elements"


@fault(Part.DATABASE)
def postgres_restarted(site: Site, chance: Random) -> str:
    site.scene.postgres.restart_immediately()
    return "immediate"


@fault(Part.DATABASE)
def backends_terminated(site: Site, chance: Random) -> str:
    return f"{site.scene.postgres.disconnect_everybody()} sessions"


@fault(Part.DATABASE)
def database_refused(site: Site, chance: Random) -> str:
    return at_the_gate(site, "database", "refuse", 3)


@fault(Part.DATABASE)
def database_silent(site: Site, chance: Random) -> str:
    return at_the_gate(site, "database", "silence", 4)


@fault(Part.DATABASE)
def database_delayed(site: Site, chance: Random) -> str:
    return at_the_gate(site, "database", "delay", 4, delay=0.03)


@fault(Part.DATABASE)
def commits_cut(site: Site, chance: Random) -> str:
    """Connections are cut at a COMMIT: three before PostgreSQL heard of it, three after it has committed."""
    before = site.scene.gates.tell("database", "cut commits", times=6)

    def cut() -> dict[str, int]:
        now = site.scene.gates.tell("database")
        return {name: now[name] - before[name] for name in ("before commit", "after commit")}

    wait_until(lambda: sum(cut().values()) >= 6, "six commits are cut", ANSWERS_WITHIN)
    return ", ".join(f"{number} {name}" for name, number in cut().items())


@fault(Part.BROKER)
def broker_refused(site: Site, chance: Random) -> str:
    return at_the_gate(site, "broker", "refuse", 3)


@fault(Part.BROKER)
def broker_silent(site: Site, chance: Random) -> str:
    return at_the_gate(site, "broker", "silence", 4)


@fault(Part.PARTICIPANTS)
def participant_killed(site: Site, chance: Random) -> str:
    """SIGKILL for a participant with calls under way; it comes back with its database."""
    return site.scene.kill_participant(chance.choice(["stock", "payments"]))


@fault(Part.PARTICIPANTS)
def participant_refused(site: Site, chance: Random) -> str:
    return at_the_gate(site, a_participant(chance), "refuse", 3)


@fault(Part.PARTICIPANTS)
def participant_silent(site: Site, chance: Random) -> str:
    return at_the_gate(site, a_participant(chance), "silence", 4)


@fault(Part.PARTICIPANTS)
def participant_delayed(site: Site, chance: Random) -> str:
    return at_the_gate(site, a_participant(chance), "delay", 4, delay=0.5)


@fault(Part.PARTICIPANTS)
def answers_cut(site: Site, chance: Random) -> str:
    """What was done is done, and its caller is not told: the answers' connections are cut."""
    name = a_participant(chance)
    before = site.scene.gates.tell(name, "cut answers", times=5)["answers"]
    wait_until(
        lambda: site.scene.gates.tell(name)["answers"] - before >= 5, f"five answers of {name} are cut", ANSWERS_WITHIN
    )
    return f"{name}: 5"


@fault(Part.PARTICIPANTS)
def participant_held(site: Site, chance: Random) -> str:
    """A person holds a participant, sends one saga ahead, and releases it; then what waited must go on."""
    name, rate = a_participant(chance), chance.choice([None, 20])
    site.operator.do("hold", name)
    site.hold(chance.uniform(4, 8))
    waited = site.scene.number(WAITING, name)
    if waited:
        site.operator.do("canary", name)
    site.operator.do("release", name, **({"rate": rate} if rate else {}))
    wait_until(lambda: not site.scene.number(HELD, name), f"what waited for {name} is let go", ANSWERS_WITHIN)
    return f"{name}: {waited} steps waited"


def a_participant(chance: Random) -> str:
    return chance.choice(["stock", "payments", "loyalty"])


def at_the_gate(site: Site, name: str, what: str, seconds: float, *, delay: float = 0.0) -> str:
    """Something is wrong between the product and a service for a while."""
    site.scene.gates.tell(name, what, **({"seconds": delay} if delay else {}))
    try:
        site.hold(seconds)
    finally:
        site.scene.gates.tell(name, "open")
    return f"{name}, {seconds:g} s"
