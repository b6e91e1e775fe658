"""Each act over each size of the tables: how long it takes, what it costs, which plans its statements have."""

import time
from statistics import median

from benchmarks import processor
from benchmarks.growth.act import Act
from benchmarks.growth.engine_acts import nothing_is_due
from benchmarks.growth.figures import Beside, Looked, Timed
from benchmarks.growth.filling import GROWING
from benchmarks.growth.plans import watched
from benchmarks.growth.server import Server
from benchmarks.growth.size import Size

IN_TURN = 60
WAL = "SELECT pg_current_wal_lsn() - '0/0'"


def timed(server: Server, act: Act, size: Size, round_: int) -> Timed:
    """Do the act as often as it asks for, after a few that are not counted."""
    for subject in act.prepare(min(act.timed, 3)):
        act.do(subject)
    subjects = act.prepare(act.timed)
    tree = [server.postgres.process.pid]
    here, there, log, begun = time.process_time(), processor.seconds(tree), _written(server), time.perf_counter()
    for subject in subjects:
        act.do(subject)
    number = act.timed * act.rate
    took = time.perf_counter() - begun
    used, log = processor.seconds(tree) - there, _written(server) - log
    here = time.process_time() - here
    nothing_is_due()
    each = {"seconds": took / number, "here": here / number, "database": used / number, "log": log / number}
    return Timed(act=act.name, size=size.name, round=round_, **each)


def in_turn(act: Act, other: Act, size: Size, round_: int) -> Beside:
    """Do one of each in turn: what disturbs the machine for a while disturbs both."""
    took: dict[str, list[float]] = {act.name: [], other.name: []}
    subjects = {one.name: one.prepare(IN_TURN) for one in (act, other)}
    for number in range(IN_TURN):
        for one in (act, other):
            begun = time.perf_counter()
            one.do(subjects[one.name][number])
            took[one.name].append(time.perf_counter() - begun)
    nothing_is_due()
    medians = {"seconds": median(took[act.name]), "other_seconds": median(took[other.name])}
    return Beside(act=act.name, other=other.name, size=size.name, round=round_, **medians)


def looked(act: Act, size: Size) -> Looked:
    """Do the act once, and look at its statements."""
    [subject] = act.prepare(1)
    with watched() as seen:
        act.do(subject)
    nothing_is_due()
    return Looked(
        act=act.name,
        size=size.name,
        statements=len(seen),
        blocks=sum(one.blocks for one in seen),
        indexes=tuple(sorted({index for one in seen for index in one.indexes})),
        read_through=tuple(sorted({table for one in seen for table in one.read_through} & {*GROWING})),
    )


def bytes_of(server: Server) -> dict[str, dict[str, int]]:
    """Each growing table of the database in use: its rows, and the bytes of its data and of its indexes."""
    found = {}
    for table in GROWING:
        sizes = f"pg_table_size('{table}'), pg_indexes_size('{table}')"
        [(rows, data, indexes)] = server.ask(f"SELECT count(*), {sizes} FROM {table}")  # noqa: S608 - our own table
        found[table] = {"rows": int(str(rows)), "data": int(str(data)), "indexes": int(str(indexes))}
    return found


def _written(server: Server) -> float:
    [(written,)] = server.ask(WAL)
    return float(str(written))
