"""`python -m benchmarks.waiting.calls`: what a call costs when many threads call, over httpcore's pool and ours."""

import sys
import threading
import time
from datetime import timedelta

import httpcore
import httpx

from benchmarks.waiting.slow import Slow
from benchmarks.waiting.trial import PAUSE
from sagas.engine.connections import Connections
from tests.harness.processes import folder

THREADS = (32, 128, 500)
CALLS = 6
IDLE = 1.0
PATIENCE = {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": 60.0}


def main() -> None:
    with Slow(folder("calls") / "log") as slow:
        slow.expect(pause=PAUSE)
        for threads in THREADS:
            for name, pool in _pools().items():
                cost, rate = measured(pool, slow.url, threads)
                milliseconds = cost / timedelta(milliseconds=1)
                sys.stdout.write(f"{threads} threads, {name}: {milliseconds:.2f} ms a call, {rate:.0f} calls/s\n")


def measured(pool: httpcore.ConnectionPool, url: str, threads: int) -> tuple[timedelta, float]:
    """Let every thread call so many times: the processor time of a call, and calls in a second."""

    def work(number: int) -> None:
        for call in range(CALLS):
            key = f"{threads}-{number}-{call}"
            headers = [("Host", "127.0.0.1"), ("Idempotency-Key", key), ("Content-Length", "0")]
            pool.request("POST", f"{url}/work", headers=headers, extensions={"timeout": PATIENCE})

    used, began = time.process_time(), time.monotonic()
    working = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()
    calls = threads * CALLS
    return timedelta(seconds=(time.process_time() - used) / calls), calls / (time.monotonic() - began)


def _pools() -> dict[str, httpcore.ConnectionPool]:
    trust = httpx.create_ssl_context()
    return {
        "httpcore's pool": httpcore.ConnectionPool(trust, max_connections=None, keepalive_expiry=IDLE),
        "ours": Connections(ssl_context=trust, keepalive_expiry=IDLE, network_backend=httpcore.SyncBackend()),
    }


if __name__ == "__main__":
    main()
