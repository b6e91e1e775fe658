"""The order as a Restate handler: each step is a journaled `ctx.run`, and compensations are steps as well."""

from typing import Any

import restate

from benchmarks import work

COMPENSATIONS = {"charge": "refund", "lock_stock": "release_stock", "check_user": "forget_user"}

orders = restate.Service("orders")


def act(step: str, order: int) -> dict[str, Any]:
    return work.result(step, order)


def ship(step: str, order: int, refused: bool) -> dict[str, Any]:
    if refused:
        raise restate.TerminalError("There is nobody to carry it.")
    return work.result(step, order)


def undo() -> None:
    pass


@orders.handler()
async def saga(ctx: restate.Context, given: dict[str, Any]) -> str:
    order, refused = given["order"], given["refused"]
    try:
        for step in work.STEPS:
            if step == work.REFUSED_STEP:
                await ctx.run_typed(step, ship, restate.RunOptions(), step, order, refused)
            else:
                await ctx.run_typed(step, act, restate.RunOptions(), step, order)
    except restate.TerminalError:
        for compensation in COMPENSATIONS.values():
            await ctx.run_typed(compensation, undo)
        return "compensated"
    return "completed"


app = restate.app([orders])
