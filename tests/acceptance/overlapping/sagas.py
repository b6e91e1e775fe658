"""Three rows of one saga side by side, and the items of a list three at a time; each asks after a user."""

from typing import Any

from sagas import each, parallel, saga, step


def ask(ctx: Any) -> Any:
    return ctx.service("users").get(f"/users/{ctx.input['user_id']}").json


def asks(name: str) -> Any:
    return step(ask, name=name, reads_only=True)


def places(ctx: Any) -> list[int]:
    return list(range(5))


trio = saga("trio", parallel(asks("first"), asks("second"), asks("third")))
crowd = saga("crowd", each("places", asks("place"), items=places, concurrency=3))
