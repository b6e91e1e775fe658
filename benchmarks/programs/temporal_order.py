"""The order as a Temporal workflow: each step is an activity, and compensations are activities as well."""

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.exceptions import ActivityError, ApplicationError

from benchmarks import work

QUEUE = "orders"
COMPENSATIONS = {"charge": "refund", "lock_stock": "release_stock", "check_user": "forget_user"}
WITHIN = timedelta(seconds=60)


@activity.defn(name="check_user")
async def check_user(order: int) -> dict[str, Any]:
    return work.result("check_user", order)


@activity.defn(name="lock_stock")
async def lock_stock(order: int) -> dict[str, Any]:
    return work.result("lock_stock", order)


@activity.defn(name="charge")
async def charge(order: int) -> dict[str, Any]:
    return work.result("charge", order)


@activity.defn(name="ship")
async def ship(order: int) -> dict[str, Any]:
    return work.result("ship", order)


@activity.defn(name="refuse")
async def refuse(order: int) -> dict[str, Any]:
    raise ApplicationError("There is nobody to carry it.", non_retryable=True)


@activity.defn(name="confirm")
async def confirm(order: int) -> dict[str, Any]:
    return work.result("confirm", order)


@activity.defn(name="refund")
async def refund(order: int) -> None:
    pass


@activity.defn(name="release_stock")
async def release_stock(order: int) -> None:
    pass


@activity.defn(name="forget_user")
async def forget_user(order: int) -> None:
    pass


ACTIVITIES = (check_user, lock_stock, charge, ship, refuse, confirm, refund, release_stock, forget_user)


@workflow.defn
class OrderSaga:
    @workflow.run
    async def run(self, order: int, refused: bool) -> str:
        try:
            for step in work.STEPS:
                await _do("refuse" if refused and step == work.REFUSED_STEP else step, order)
        except ActivityError:
            for compensation in COMPENSATIONS.values():
                await _do(compensation, order)
            return "compensated"
        return "completed"


async def _do(activity_name: str, order: int) -> Any:
    return await workflow.execute_activity(activity_name, order, start_to_close_timeout=WITHIN)
