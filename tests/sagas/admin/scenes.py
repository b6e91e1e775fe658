"""Sagas that make pages hard: two hundred steps, forty branches, a hundred and twenty of one cause, and rude words."""

from collections import Counter
from datetime import timedelta

from pydantic import BaseModel

from sagas import Abort, RetryLater, approval, child, each, operations, parallel, saga, sleep, step, wait
from sagas.errors import Unknown
from sagas.models import Saga
from sagas.words.definition import Definition
from sagas.words.retry import Retry
from tests.sagas.admin.parcels import PARCEL, Parcel
from tests.sagas.world import World

RUDE = "<script>alert('pwned')</script><img src=x onerror=alert(1)>"
LONG_NAME = "reserve_the_refrigerated_container_at_the_northern_terminal_9"


class Order(BaseModel):
    """What an order is given."""

    order: str
    amount: int = 0


class Scenes:
    """All definitions of the scenes, known at once, on the functions of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.played: Counter[str] = Counter()
        self.long = self._long()
        self.wide = self._wide()
        self.order = self._order()
        self.shipping = saga("shipping", step(world.ship, compensation=world.recall), wait("delivered"))
        self.rich = self._rich()
        self.parcel = self._parcel()
        world.knows(self.long, self.wide, self.order, self.shipping, self.rich, self.parcel)

    def two_hundred_steps(self) -> Saga:
        """Stuck at the hundred and fiftieth of two hundred."""
        self.world.script("step_150", Abort("the terminal has no such berth"))
        return self._played(self.long, "voyage-2026-000200")

    def forty_branches(self) -> Saga:
        """Forty side by side, of which three wait for a person and one is tried again later."""
        for number in (7, 19, 33):
            self.world.script(f"quote_{number}", Abort("the carrier does not serve this port"))
        self.world.script("quote_12", RetryLater("the carrier is busy", after=timedelta(minutes=10)))
        found = self.world.start(self.wide, {"order": "Q-40", "amount": 7}, business_key=self._fresh("quote-40"))
        self.world.work(found)
        return refreshed(found)

    def of_one_cause(self, number: int) -> list[Saga]:
        """So many orders whose charge fails in the same way."""
        found = []
        for order in range(number):
            self.world.script("charge", Abort("The payment service answered 500.", code="http_5xx"))
            key = f"order-{order:04}" if order != 7 else "o" * 150
            found.append(self._played(self.order, key))
        return found

    def going_back(self) -> Saga:
        """Its shipment was refused, its charge cannot be refunded: stuck on the way back."""
        self.world.script("ship", Abort("no such street"))
        self.world.script("refund", Abort("the card has expired"))
        return self._played(self.order, "order-back")

    def rude(self) -> Saga:
        """A saga whose names, payloads and errors are markup."""
        self.world.script("charge", Abort(RUDE))
        given = {"order": RUDE, "amount": 1}
        found = operations.start(self.order.name, given, business_key=RUDE, labels={RUDE: RUDE}, actor=RUDE).saga
        return self.world.run_through(found)

    def of_everything(self) -> Saga:
        """A child, a list, a wait, a probe in doubt: one that waits for its child."""
        found = self.world.start(self.rich, {"order": "R-1", "lines": [1, 2, 3]}, business_key=self._fresh("rich-1"))
        self.world.work()
        return refreshed(found)

    def parcel_refused(self) -> Saga:
        """Its input has fields of every kind, and the street in it does not exist."""
        self.world.script("ship", Abort("no such street", code="no_street"))
        return self._played(self.parcel, "parcel-1", PARCEL)

    def in_doubt(self) -> Saga:
        """A charge that may have happened, and is not idempotent."""
        self.world.script("transfer", Unknown("the answer was lost"))
        return self._played(self.rich, "rich-doubt", {"order": "R-2", "lines": []})

    def _played(self, table: Definition, key: str, input: object = None) -> Saga:
        given = {"order": key, "amount": 12} if input is None else input
        return self.world.run_through(self.world.start(table, given, business_key=self._fresh(key)))

    def _fresh(self, key: str) -> str:
        """The key, and the second time another one: a saga of its own."""
        self.played[key] += 1
        return key if self.played[key] == 1 else f"{key}-{self.played[key]}"

    def _long(self) -> Definition:
        named = {20: LONG_NAME}
        rows = []
        for number in range(1, 201):
            work = self.world.function(f"step_{number}")
            undo = self.world.function(f"undo_{number}")
            about = {"on_failure": "incident"} if number == 150 else {}
            rows.append(step(work, name=named.get(number, f"step_{number}"), compensation=undo, **about))
        return saga("voyage", *rows, owner="the harbour team", runbook="https://runbooks.example.org/voyage")

    def _wide(self) -> Definition:
        quotes = [step(self.world.function(f"quote_{n}"), reads_only=True, on_failure="incident") for n in range(1, 41)]
        return saga(
            "quotation", parallel(*quotes, name="quotes"), step(self.world.choose, compensation=self.world.unchoose)
        )

    def _order(self) -> Definition:
        world = self.world
        once = Retry(attempts=2, first=timedelta(seconds=5))
        return saga(
            "order",
            step(world.lock_stock, compensation=world.release_stock),
            step(world.charge, compensation=world.refund, on_failure="incident", retry=once),
            step(world.ship, compensation=world.recall),
            wait("payment_settled", timeout=timedelta(minutes=30)),
            step(world.notify, optional=True, no_compensation="a letter cannot be unsent"),
            input=Order,
            owner="the payments team",
            runbook="https://runbooks.example.org/order",
            deadline=timedelta(days=30),
        )

    def _parcel(self) -> Definition:
        work = step(self.world.ship, compensation=self.world.recall, on_failure="incident")
        return saga(
            "parcel", work, input=Parcel, summary=lambda parcel: f"{len(parcel.lines)} lines to {parcel.to.name}"
        )

    def _rich(self) -> Definition:
        world = self.world
        return saga(
            "rich",
            each("lines", step(world.pick, compensation=world.unpick)),
            step(world.transfer, compensation=world.transfer_back, idempotent=False, on_failure="incident"),
            approval("large_order", group="sales"),
            sleep(timedelta(minutes=5), name="cool_down"),
            child(self.shipping, input=lambda ctx: {"from": "rich"}),
        )


def refreshed(found: Saga) -> Saga:
    """As it stands now."""
    found.refresh_from_db()
    return found
