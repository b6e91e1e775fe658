"""A Temporal worker process: workflows and activities of the order, until it is ended."""

import asyncio
import os

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.programs.temporal_order import ACTIVITIES, QUEUE, OrderSaga


async def main() -> None:
    client = await Client.connect(os.environ["SERVER"])
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[OrderSaga],
        activities=ACTIVITIES,
        workflow_runner=UnsandboxedWorkflowRunner(),  # the sandbox only costs it time
    )
    print("ready", flush=True)  # noqa: T201 - the benchmark waits for it
    await worker.run()


asyncio.run(main())
