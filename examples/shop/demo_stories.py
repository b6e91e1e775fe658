"""The demo's orders: what goes wrong with each, and how it must end all the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from examples.shop.client import Participants

PRICE = 4_200
"""What every order costs, in cents."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A failure switch of one participant; see `examples.shop.participant.switches`."""

    service: str
    what: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One order.

    `passes` are moves that its journal must show, in this order: a story that ends well without them was luck.
    """

    order: str
    title: str
    ends: str
    passes: tuple[str, ...]
    user: str = "alice"
    trouble: tuple[Trouble, ...] = ()
    operator: str = ""
    """The reason with which a person retries what needs one."""

    @property
    def input(self) -> dict[str, Any]:
        """The order as the shop sends it: see `examples.shop.sagas.OrderInput`."""
        return {"order_id": self.order, "user_id": self.user, "sku": "lamp", "quantity": 1, "amount": PRICE}

    @property
    def paid(self) -> int:
        """What the customer must have paid in the end, in cents."""
        return PRICE if self.ends == "completed" else 0

    def prepare(self, shop: Participants) -> None:
        """Set the switches, for this order alone."""
        for trouble in self.trouble:
            shop.switch(trouble.service, trouble.what, order=self.order, **trouble.options)


TROUBLED = (
    Story(
        order="smooth",
        title="All goes well",
        ends="completed",
        passes=("lock_stock succeeded", "charge succeeded", "confirm_order succeeded", "notify succeeded"),
    ),
    Story(
        order="declined",
        title="The card is declined: what was done is undone",
        ends="compensated",
        passes=("lock_stock succeeded", "charge failed", "lock_stock undone"),
        user="erin",
    ),
    Story(
        order="flaky",
        title="Two services are down for a moment: tried again",
        ends="completed",
        passes=("lock_stock again", "lock_stock succeeded", "confirm_order again", "confirm_order succeeded"),
        trouble=(
            Trouble(service="stock", what="unavailable", options={"path": "/reservations", "retry_after": 1}),
            Trouble(service="orders", what="error", options={"times": 2}),
        ),
    ),
    Story(
        order="silent",
        title="The charge is made, its answer never comes: found, and charged once",
        ends="completed",
        passes=("charge to ask", "charge asked", "charge succeeded", "notify succeeded"),
        trouble=(Trouble(service="payments", what="time_out", options={"path": "/charges"}),),
    ),
    Story(
        order="stuck",
        title="The refund is refused: a person is called, and has it tried again",
        ends="compensated",
        passes=("charge succeeded", "confirm_order failed", "charge stuck", "charge undone", "lock_stock undone"),
        trouble=(
            Trouble(service="orders", what="declined"),
            Trouble(service="payments", what="declined", options={"path": "/refunds"}),
        ),
        operator="The bank says that refunds work again.",
    ),
)
"""What participants do to a coordinator. They run at the same time."""

KILLED = (
    Story(
        order="killed-before",
        title="Everything is killed just before the money moves",
        ends="completed",
        passes=("charge claimed", "charge to ask", "charge asked", "charge claimed", "charge succeeded"),
        trouble=(Trouble(service="payments", what="hold", options={"path": "/charges"}),),
    ),
    Story(
        order="killed-after",
        title="Everything is killed just after the money moved",
        ends="completed",
        passes=("charge claimed", "charge to ask", "charge asked", "charge succeeded"),
        trouble=(Trouble(service="payments", what="hold_after", options={"path": "/charges"}),),
    ),
)
"""Orders that are in mid-charge when the coordinator is killed."""
