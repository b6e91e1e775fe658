"""The people of the demo, who do over HTTP what people do. Each looks at a saga, and says what was done."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from rich.markup import escape

from examples.shop.demo_orchestrator import Orchestrator

Saga = dict[str, Any]
LINK = re.compile(r"https?://\S+/confirm/\S+")


@dataclass(frozen=True)
class Operator:
    """The one on call: has tried again what needs a person."""

    reason: str

    def attend(self, saga: Saga, orchestrator: Orchestrator) -> list[str]:
        """Retry the saga once for an incident that nobody has looked at."""
        new = [incident for incident in saga["incidents"] if not incident["retried_at"]]
        if not new:
            return []
        orchestrator.act("retry", saga["id"], reason=self.reason)
        return [f"needs a person: {escape(new[0]['sentence'])}", f"is retried by the operator: “{self.reason}”"]


@dataclass(frozen=True)
class Sales:
    """Decide about large orders."""

    discount: int
    reason: str

    def attend(self, saga: Saga, orchestrator: Orchestrator) -> list[str]:
        """Say yes, with a discount."""
        if not waits_for(saga, "large_order"):
            return []
        decision = {"step": "large_order", "approved": True, "form": {"discount": self.discount}}
        orchestrator.act("decide", saga["id"], reason=self.reason, **decision)
        return [f"waits for sales; they say yes, with {self.discount} % off: “{self.reason}”"]


@dataclass(frozen=True)
class Shopkeeper:
    """Wants to know soon."""

    reason: str
    within = timedelta(seconds=5)

    def attend(self, saga: Saga, orchestrator: Orchestrator) -> list[str]:
        """Bring the saga's deadline forward."""
        soon = datetime.now(UTC) + self.within
        if not waits_for(saga, "large_order") or datetime.fromisoformat(saga["deadline_at"]) <= soon:
            return []
        orchestrator.act("reschedule", saga["id"], reason=self.reason, at=soon.isoformat())
        return [f"waits for sales; its deadline is brought forward to {self.within.seconds} s: “{self.reason}”"]


@dataclass(frozen=True)
class Customer:
    """Reads a mail, and presses the button behind its link."""

    def attend(self, saga: Saga, orchestrator: Orchestrator) -> list[str]:
        """Confirm the address, when the mail has come."""
        if not waits_for(saga, "email_confirmed"):
            return []
        mail = orchestrator.notifications.mail(result_of(saga, "mail_link"))
        link = LINK.search(mail.get_content()) if mail else None
        if link is None:
            return []
        httpx.post(link.group(), timeout=30, trust_env=False).raise_for_status()
        return ["gets the mail, and follows its link."]


Person = Operator | Sales | Shopkeeper | Customer


def waits_for(saga: Saga, name: str) -> bool:
    """Does it wait for this, and has nobody answered yet?"""
    return any(step["step"] == name and step["work"] == "waiting" for step in saga["steps"])


def result_of(saga: Saga, name: str) -> Any:
    """What a step has come to; None where it has not yet."""
    return next((step["result"] for step in saga["steps"] if step["step"] == name), None)
