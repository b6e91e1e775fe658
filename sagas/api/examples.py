"""The example of the API's description: one order of a shop, as callers send it and see it."""

from typing import Any

ID = "019aa7c2-5c80-7000-8000-1c3d5e7f9a0b"
URL = f"https://sagas.example.org/api/v1/sagas/{ID}/"
AT = "2026-03-01T10:00:00Z"
LATER = "2026-03-01T10:00:02Z"

START: dict[str, Any] = {
    "definition": "order",
    "input": {"user_id": "u-1", "lines": [{"sku": "lamp", "quantity": 1}]},
    "business_key": "order-7",
    "labels": {"shop": "Berlin"},
}
LINE: dict[str, Any] = {
    "id": ID,
    "definition": "order",
    "version": 1,
    "business_key": "order-7",
    "state": "running",
    "needs_person": False,
    "labels": {"shop": "Berlin"},
    "priority": 0,
    "created_at": AT,
    "updated_at": LATER,
    "ended_at": None,
    "url": URL,
}
STEP: dict[str, Any] = {
    "step": "charge",
    "item": 0,
    "kind": "step",
    "held": False,
    "parked_at": None,
    "progress": None,
    "state": "running",
    "undo": "owed",
    "happened": "maybe",
    "work": "running",
    "at": "2026-03-01T10:00:32Z",
    "tries": 1,
    "key": f"{ID}:charge:0:1",
    "result": None,
    "error": None,
    "code": None,
    "started_at": LATER,
    "ended_at": None,
}
INCIDENT: dict[str, Any] = {
    "id": 12,
    "step": "charge",
    "item": 0,
    "direction": "forward",
    "reason": "outcome_unknown",
    "reason_code": "read_timeout",
    "sentence": "Nobody can tell whether charge happened: payments did not answer in time.",
    "times": 1,
    "owner": None,
    "opened_at": LATER,
    "last_at": LATER,
    "retried_at": None,
    "closed_at": None,
    "closed_as": None,
}
SAGA: dict[str, Any] = {
    **LINE,
    "next": "charge runs since 10:00:02, its first try; it has until 10:00:32.",
    "going": "forward",
    "cause": None,
    "failure": None,
    "paused": None,
    "input": START["input"],
    "started_by": "service:shop",
    "parent": None,
    "cloned_from": None,
    "start_at": None,
    "deadline_at": "2026-03-01T12:00:00Z",
    "committed_at": None,
    "steps": [STEP],
    "incidents": [],
    "callback": None,
    "links": {"self": URL, "steps": f"{URL}steps/", "journal": f"{URL}journal/", "cancel": f"{URL}cancel/"},
}
SIGNAL: dict[str, Any] = {
    "name": "payment_settled",
    "id": "evt_71",
    "payload": {"status": "paid"},
    "sender": "service:payments",
    "at": LATER,
    "flag": None,
    "taken_at": LATER,
}
TOLD: dict[str, Any] = {"saga": ID, "url": URL, "signal": SIGNAL, "taken": True, "replayed": False}
JOURNAL: dict[str, Any] = {
    "rev": 2,
    "at": LATER,
    "actor": "worker",
    "moves": [{"step": "charge", "item": 0, "did": "claimed", "state": "running"}],
}
PREVIEW: dict[str, Any] = {
    "verb": "retry",
    "dry_run": True,
    "state": "running",
    "sentences": ["charge runs, under the same key."],
}
DEFINITION: dict[str, Any] = {
    "name": "order",
    "version": 1,
    "fingerprint": "5d2c0f6b3a9e8714",
    "owner": "payments team",
    "runbook": "https://wiki.example.org/orders",
    "deadline_seconds": 7200.0,
    "url": "https://sagas.example.org/api/v1/definitions/order/",
    "diagram": "https://sagas.example.org/api/v1/definitions/order/diagram.svg",
}
TABLE: dict[str, Any] = {
    "versions": [1],
    "input_schema": {"type": "object", "properties": {"user_id": {"type": "string"}}},
    "rows": [{"path": "charge", "kind": "step", "heading": "charge", "groups": [], "notes": [], "undone_by": "refund"}],
    "mermaid": "flowchart TD",
    "live": {"running": 12},
}
GROUP: dict[str, Any] = {
    "id": "b3JkZXIKY2hhcmdlCnJlYWRfdGltZW91dA",
    "definition": "order",
    "step": "charge",
    "reason_code": "read_timeout",
    "count": 41,
    "sagas": 41,
    "first_at": AT,
    "last_at": LATER,
    "owner": "anna",
    "note": "payments is on it",
    "muted_until": None,
    "url": "https://sagas.example.org/api/v1/sagas/?definition=order&step=charge&reason_code=read_timeout",
}
PROPOSAL_URL = "https://sagas.example.org/api/v1/proposals/019aa7d3-0000-7000-8000-5e7f9a1b3c4d/"
PROPOSAL: dict[str, Any] = {
    "id": "019aa7d3-0000-7000-8000-5e7f9a1b3c4d",
    "verb": "give_up",
    "saga": URL,
    "count": 1,
    "definitions": ["order"],
    "arguments": {},
    "reason": "The customer is gone.",
    "asked_by": "person:anna",
    "asked_at": AT,
    "expires_at": "2026-03-02T10:00:00Z",
    "state": "open",
    "decided_by": None,
    "decided_why": None,
    "decided_at": None,
    "operation": None,
    "links": {"approve": f"{PROPOSAL_URL}approve/", "refuse": f"{PROPOSAL_URL}refuse/"},
}
APPROVAL: dict[str, Any] = {
    "saga": ID,
    "definition": "order",
    "business_key": "order-7",
    "step": "large_order",
    "group": "sales",
    "summary": "order-7: 1,200.00 for u-1",
    "input": {"user_id": "u-1", "card": "••••••"},
    "form": {"title": "Terms", "type": "object", "properties": {"discount": {"type": "integer"}}},
    "since": AT,
    "until": LATER,
    "links": {"saga": URL, "decide": f"{URL}decide/"},
}
PARTICIPANT_URL = "https://sagas.example.org/api/v1/participants/payments/"
PARTICIPANT: dict[str, Any] = {
    "name": "payments",
    "state": "held",
    "steps": [{"definition": "order", "step": "charge"}],
    "held_by": "person:anna",
    "held_at": AT,
    "until": None,
    "reason": "Payments answers 500 to every charge.",
    "released_by": None,
    "released_at": None,
    "rate": None,
    "let_go": 0,
    "waiting": 117,
    "errors": ["payments answered POST /charges with 500."],
    "canaries": [
        {
            "saga": ID,
            "url": URL,
            "at": LATER,
            "by": "person:anna",
            "step": "charge",
            "outcome": "charge succeeded.",
            "went_well": True,
        }
    ],
    "url": PARTICIPANT_URL,
    "links": {"canary": f"{PARTICIPANT_URL}canary/", "release": f"{PARTICIPANT_URL}release/"},
}
ALERT: dict[str, Any] = {
    "id": 7,
    "episode": 1,
    "title": "order: charge: http_5xx",
    "definition": "order",
    "step": "charge",
    "reason_code": "http_5xx",
    "severity": "warning",
    "owner": "payments team",
    "began_at": AT,
    "over_at": None,
    "quiet_until": None,
    "muted_until": None,
    "told": [
        {"what": "new", "to": "on-call@example.org", "at": AT, "tries": 1, "error": None, "is_lost": False},
    ],
}
BULK_REQUEST: dict[str, Any] = {
    "verb": "retry",
    "reason": "payments is back",
    "filter": {"definition": "order", "reason_code": "read_timeout"},
    "rate": 120,
}
BULK_URL = "https://sagas.example.org/api/v1/operations/019aa7c9-0000-7000-8000-3c5d7e9f1a2b/"
BULK: dict[str, Any] = {
    "id": "019aa7c9-0000-7000-8000-3c5d7e9f1a2b",
    "verb": "retry",
    "arguments": {},
    "selection": {"filter": BULK_REQUEST["filter"]},
    "reason": "payments is back",
    "actor": "service:shop",
    "rate": 120,
    "state": "running",
    "total": 41,
    "counts": {"waiting": 30, "asked": 3, "recovered": 7, "failed_again": 1, "not_eligible": 0, "cancelled": 0},
    "created_at": AT,
    "ended_at": None,
    "url": BULK_URL,
    "links": {"self": BULK_URL, "items": f"{BULK_URL}items/", "pause": f"{BULK_URL}pause/"},
}
ITEM: dict[str, Any] = {
    "saga": ID,
    "business_key": "order-7",
    "url": URL,
    "state": "recovered",
    "said": None,
    "asked_at": AT,
    "ended_at": LATER,
}


def page(row: dict[str, Any]) -> dict[str, Any]:
    """A page of that row, and one more after it."""
    return {"results": [row], "next": "https://sagas.example.org/api/v1/…/?cursor=MDE5YWE3YzI"}


_LINE = {"name": "bus", "kind": "rabbitmq", "waiting": 12, "parked": 1, "oldest_at": AT}
POST: dict[str, Any] = {
    "out": [{**_LINE, "trouble": "ConnectionRefusedError: nobody listens", "trouble_since": AT}],
    "in": [{**_LINE, "name": "shop", "trouble": None, "trouble_since": None}],
}
OUTBOX_EVENT: dict[str, Any] = {
    "id": 71,
    "event_id": f"{ID}.4.0",
    "type": "stock.reserve",
    "target": "partner",
    "saga": ID,
    "state": "parked",
    "reason": "It answered 500.",
    "tries": 20,
    "at": AT,
    "due_at": None,
    "log": [{"at": LATER, "status": 500, "ms": 31}],
}
INBOX_EVENT: dict[str, Any] = {
    "id": 8,
    "event_id": "e-1",
    "type": "order.created",
    "source": "shop",
    "origin": "/shop",
    "state": "parked",
    "reason": "No on_event(...) is for 'order.created'; declare one beside a saga and replay, or drop it.",
    "at": AT,
}
