"""An order as a chain of three tasks; when one of them fails, `link_error` undoes all three. Results go nowhere.

It is written with care: each call has the same key whenever it is made, what is not answered is tried again, and the
compensations work whether or not there is anything to undo.
"""

import json
import os
from typing import Any

import httpx
from celery import Celery, chain

SERVICES = json.loads(os.environ["SAGA_SERVICES"])
CALLS = {
    "reserve": ("stock", "/reservations"),
    "charge": ("payments", "/charges"),
    "award": ("loyalty", "/points"),
    "release": ("stock", "/reservations/release"),
    "refund": ("payments", "/refunds"),
    "take back": ("loyalty", "/points/back"),
}
UNDOES = {"release": "reserve", "refund": "charge", "take back": "award"}
PATIENT: dict[str, Any] = {
    "autoretry_for": (httpx.TransportError,),
    "retry_backoff": 1,
    "retry_backoff_max": 5,
    "max_retries": 8,
}

app = Celery("naive", broker=os.environ["BROKER_URL"])
app.conf.task_ignore_result = True


class Refused(Exception):
    """The participant said no."""


@app.task(throws=(Refused,), **PATIENT)
def do(what: str, order: dict[str, Any]) -> None:
    """Call a participant; what it refuses ends the chain."""
    service, path = CALLS[what]
    key = f"{order['order_id']}:{UNDOES.get(what, what)}:0:1"
    headers = {"Authorization": f"Bearer {SERVICES[service]['token']}", "Idempotency-Key": key}
    if what in UNDOES:
        headers |= {"Idempotency-Key": f"{key}:undo", "Saga-Action-Key": key}
    answer = httpx.post(SERVICES[service]["url"] + path, json=body_of(what, order), headers=headers, timeout=8)
    if answer.is_client_error:
        raise Refused(f"{what}: {answer.status_code}")
    answer.raise_for_status()


@app.task
def turn_back(request: Any, error: BaseException, trace: object, order: dict[str, Any]) -> None:
    """What Celery calls when the chain breaks."""
    chain(*(do.si(what, order) for what in ("take back", "refund", "release"))).delay()


def body_of(what: str, order: dict[str, Any]) -> dict[str, Any]:
    """What the participant is told."""
    common = {"order_id": order["order_id"]}
    match what:
        case "reserve":
            return common | {"sku": "globe" if order["fails"] == "reserve" else "book", "quantity": 1}
        case "charge":
            user = "erin" if order["fails"] == "charge" else "alice"
            return common | {"user_id": user, "amount": order["amount"]}
    return common | {"points": 10}


def begin(order: dict[str, Any]) -> None:
    """Start the chain of an order; raises when the broker does not take it."""
    steps = chain(*(do.si(what, order) for what in ("reserve", "charge", "award")))
    steps.on_error(turn_back.s(order)).apply_async()
