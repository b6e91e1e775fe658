"""The demo's stories: what goes wrong in each, what people do, and how it must end all the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from examples.shop.client import Participants
from examples.shop.demo_people import Customer, Operator, Person, Sales, Shopkeeper
from examples.shop.sagas import LARGE

PRICE = 4_200
"""What an order costs, in cents, unless it is a large one."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A failure switch of one participant; see `examples.shop.participant.switches`."""

    service: str
    what: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One saga.

    `passes` are moves that its journal must show, in this order: a story that ends well without them was luck. `paid`
    is what the customer must have paid in the end, in cents.
    """

    name: str
    title: str
    ends: str
    passes: tuple[str, ...]
    paid: int = 0
    trouble: tuple[Trouble, ...] = ()
    person: Person | None = None
    """Who has something to do in it."""

    definition = "order"

    @property
    def input(self) -> dict[str, Any]:
        """What the saga is started with."""
        raise NotImplementedError

    def prepare(self, shop: Participants) -> None:
        """Set the switches, for this story alone."""
        for trouble in self.trouble:
            shop.switch(trouble.service, trouble.what, order=self.name, **trouble.options)


@dataclass(frozen=True, kw_only=True)
class Order(Story):
    """Somebody orders two lamps and a book."""

    user: str = "alice"
    amount: int = PRICE

    @property
    def input(self) -> dict[str, Any]:
        """The order as the shop sends it: see `examples.shop.sagas.OrderInput`."""
        lines = [{"sku": "lamp", "quantity": 2}, {"sku": "book", "quantity": 1}]
        return {"order_id": self.name, "user_id": self.user, "lines": lines, "amount": self.amount}


@dataclass(frozen=True, kw_only=True)
class SignUp(Story):
    """Somebody would like to buy here."""

    definition = "sign_up"

    @property
    def input(self) -> dict[str, Any]:
        """The person: see `examples.shop.sign_up.SignUpInput`."""
        return {"user_id": self.name, "name": self.name.title(), "email": f"{self.name}@shop.example"}


TROUBLED = (
    Order(
        name="smooth",
        title="All goes well: set aside, charged, settled by the bank, shipped, confirmed",
        ends="completed",
        paid=PRICE,
        passes=(
            "lock_stock succeeded",
            "charge succeeded",
            "payment_settled took",
            "shipping/book_courier succeeded",
            "notify succeeded",
            "confirm_order succeeded",
        ),
    ),
    Order(
        name="declined",
        title="The card is declined: what was done is undone",
        ends="compensated",
        passes=("lock_stock succeeded", "charge failed", "lock_stock undone"),
        user="erin",
    ),
    Order(
        name="flaky",
        title="Two services are down for a moment, and the bank says everything twice: tried again, and counted once",
        ends="completed",
        paid=PRICE,
        passes=("lock_stock again", "lock_stock succeeded", "confirm_order again", "confirm_order succeeded"),
        trouble=(
            Trouble(service="stock", what="unavailable", options={"path": "/reservations", "retry_after": 1}),
            Trouble(service="payments", what="call_twice"),
            Trouble(service="orders", what="error", options={"times": 2}),
        ),
    ),
    Order(
        name="silent",
        title="The charge is made, its answer never comes: found, and charged once",
        ends="completed",
        paid=PRICE,
        passes=("charge to ask", "charge asked", "charge succeeded", "payment_settled took", "notify succeeded"),
        trouble=(Trouble(service="payments", what="time_out", options={"path": "/charges"}),),
    ),
    Order(
        name="unsettled",
        title="The bank declines after all: the money is given back",
        ends="compensated",
        passes=("charge succeeded", "payment_settled took", "payment_settled failed", "charge undone"),
        user="frank",
    ),
    Order(
        name="unconfirmed",
        title="The last word is no: the customer is told so, and a booked shipment is undone by its own table",
        ends="compensated",
        passes=(
            "shipping succeeded",
            "notify succeeded",
            "confirm_order failed",
            "notify undone",
            "shipping/book_courier undone",
            "shipping/book_parcel undone",
            "shipping undone",
            "charge undone",
        ),
        trouble=(Trouble(service="orders", what="declined"),),
    ),
    Order(
        name="stuck",
        title="The refund is refused: a person is called, and has it tried again",
        ends="compensated",
        passes=("charge succeeded", "confirm_order failed", "charge stuck", "charge undone", "lock_stock undone"),
        trouble=(
            Trouble(service="orders", what="declined"),
            Trouble(service="payments", what="declined", options={"path": "/refunds"}),
        ),
        person=Operator(reason="The bank says that refunds work again."),
    ),
    Order(
        name="large",
        title="A large order: sales say yes, and grant a discount",
        ends="completed",
        amount=LARGE,
        paid=LARGE * 9 // 10,
        passes=("large_order waits", "large_order decided", "charge succeeded", "confirm_order succeeded"),
        person=Sales(discount=10, reason="They buy every month."),
    ),
    Order(
        name="forgotten",
        title="A large order that nobody decides: its deadline, brought forward, turns it back",
        ends="compensated",
        amount=LARGE,
        passes=("large_order waits", "large_order called off"),
        person=Shopkeeper(reason="It is wanted today or not at all."),
    ),
    SignUp(
        name="grace",
        title="A sign-up: the mailed link is followed",
        ends="completed",
        passes=(
            "create_account succeeded",
            "mail_link succeeded",
            "email_confirmed took",
            "activate_account succeeded",
        ),
        person=Customer(),
    ),
    SignUp(
        name="heidi",
        title="A sign-up that nobody confirms: the account is deleted",
        ends="compensated",
        passes=("create_account succeeded", "email_confirmed timed_out", "create_account undone"),
    ),
)
"""What participants, people and clocks do to a coordinator. They run at the same time."""

KILLED = (
    Order(
        name="killed-before",
        title="Everything is killed just before the money moves",
        ends="completed",
        paid=PRICE,
        passes=("charge claimed", "charge to ask", "charge asked", "charge claimed", "charge succeeded"),
        trouble=(Trouble(service="payments", what="hold", options={"path": "/charges"}),),
    ),
    Order(
        name="killed-after",
        title="Everything is killed just after the money moved, and called back while it was away",
        ends="completed",
        paid=PRICE,
        passes=("charge claimed", "charge to ask", "charge asked", "charge succeeded", "payment_settled took"),
        trouble=(Trouble(service="payments", what="hold_after", options={"path": "/charges"}),),
    ),
)
"""Orders that are in mid-charge when the coordinator is killed."""
