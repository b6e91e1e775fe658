"""A program that forks while its connection pool is open, as Celery's prefork pool does; prints who spoke to whom."""

import os

import django

django.setup()

from celery.fixups.django import DjangoWorkerFixup  # noqa: E402
from django.db import connection  # noqa: E402

from orchestrator.celery import app  # noqa: E402


class PreforkWorker:
    pool_cls = "prefork"


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def in_the_child() -> None:
    fixup = DjangoWorkerFixup(app)
    fixup.worker = PreforkWorker()
    fixup.on_worker_process_init()
    print("child", backend(), flush=True)
    connection.close()


if __name__ == "__main__":
    print("parent", backend(), flush=True)
    connection.close()  # back into the pool, where the child would find it
    if os.fork() == 0:
        in_the_child()
        os._exit(0)
    os.wait()
    print("parent", backend(), flush=True)
    connection.close()
    connection.close_pool()
