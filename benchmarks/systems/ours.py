"""The coordinator itself, with the processes of its Procfile."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from benchmarks.driving import Driven
from benchmarks.site import Site
from benchmarks.system import Stage, Unavailable, Worked
from tests.harness.product import Product


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the coordinator is run, and how sagas are begun."""

    name: str
    title: str
    pool: Literal["prefork", "threads"]
    workers: int
    concurrency: int
    starting: Literal["one by one", "in batches"] = "one by one"
    backlog: bool = False


PREFORK = Setting(name="ours", title="ours, prefork 2", pool="prefork", workers=1, concurrency=2)
THREADS = Setting(name="ours-threads", title="ours, threads 2 × 32", pool="threads", workers=2, concurrency=32)
BATCHES = Setting(
    name="ours-batches",
    title="ours, threads 2 × 32, begun in batches",
    pool="threads",
    workers=2,
    concurrency=32,
    starting="in batches",
)
BACKLOG = Setting(
    name="ours-backlog",
    title="ours, threads 2 × 32, a backlog",
    pool="threads",
    workers=2,
    concurrency=32,
    backlog=True,
)
SETTINGS = (PREFORK, THREADS, BATCHES, BACKLOG)


class Ours(Worked):
    def __init__(self, site: Site, setting: Setting) -> None:
        super().__init__(site)
        self.setting = setting
        self.name, self.title, self.backlog = setting.name, setting.title, setting.backlog
        self.database: str = setting.name.replace("-", "_")

    def prepare(self) -> None:
        with self._product() as product:
            asked = "from sagas import operations; print(hasattr(operations, 'start_many'))"
            if self.setting.starting == "in batches" and "True" not in product.manage("shell", "--command", asked):
                raise Unavailable("not there: sagas.operations has no start_many")
        self.site.postgres.create_database(self.database)
        with self._product() as product:
            product.manage("migrate", "--verbosity", "0")

    def settings(self) -> dict[str, object]:
        return {
            "pool": self.setting.pool,
            "workers": self.setting.workers,
            "concurrency": self.setting.concurrency,
            "beat": True,
            "starting": self.setting.starting,
            "backlog": self.setting.backlog,
        }

    @contextmanager
    def running(self) -> Iterator[Stage]:
        self.site.clear()
        with self._product() as product:
            workers = [
                product.worker(pool=self.setting.pool, concurrency=self.setting.concurrency)
                for _ in range(self.setting.workers)
            ]
            beat = product.beat()
            with Driven(
                "driver",
                [sys.executable, "-m", "benchmarks.programs.ours"],
                log=product.folder / "driver.log",
                environment={**product.environment, "STARTING": self.setting.starting},
            ) as driver:
                servers = [beat, self.site.postgres.process, self.site.redis.process]
                yield Stage(driver=driver, workers=workers, servers=servers)

    def _product(self) -> Product:
        return Product(
            database_url=self.site.postgres.database_url(self.database),
            broker_url=self.site.redis.url,
            environment={"APPS": "benchmarks.flow", "SHOP": "0"},
        )
