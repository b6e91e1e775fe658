"""A DBOS worker process: it takes orders from the queue until it is ended."""

import os
import threading

from benchmarks.programs.dbos_order import launch

launch(f"worker{os.getpid()}", listens=True)
print("ready", flush=True)  # noqa: T201 - the benchmark waits for it
threading.Event().wait()
