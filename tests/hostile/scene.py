"""A site with sagas in every plight, and what holds there after each hostile input."""

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.middleware.csrf import _get_new_csrf_string  # type: ignore[attr-defined]
from django.test import Client
from pydantic import BaseModel, field_validator

from sagas import Abort, Retry, approval, each, operations, saga, step, wait
from sagas.engine.links import approval_url, signal_url
from sagas.engine.sweep import sweep
from sagas.models import Run, Saga, Signal
from sagas.record import clock
from tests.hostile.call import Call, answered
from tests.hostile.judge import faults
from tests.sagas.world import World

HOUR = timedelta(hours=1)


class Agreement(BaseModel):
    """An approval's form, with a field that is written as JSON."""

    amount: int
    note: str = ""
    terms: list[Any] | dict[str, Any] | None = None


class Order(BaseModel):
    """An input whose own check trips over what it did not expect, as checks of teams do."""

    number: int = 0
    email: str = ""
    lines: list[int] = []
    anything: Any = None

    @field_validator("email", mode="before")
    @classmethod
    def strip(cls, given: Any) -> Any:
        return given.strip()  # no check of the type: what is not a text raises an AttributeError


class Scene:
    """Sagas that wait, ask, are stuck, go back and have ended; who calls, and what the names in calls stand for."""

    def __init__(self, world: World) -> None:
        self.world = world
        patient = {"on_failure": "incident", "retry": Retry(attempts=2)}
        self.plain = saga("plain", step(world.charge, compensation=world.refund))
        self.full = saga(
            "full",
            step(world.reserve, compensation=world.release, **patient),
            wait("paid", timeout=HOUR),
            approval("agreed", form=Agreement, timeout=HOUR),
            each("lines", step(world.pack, compensation=world.unpack), items=lambda ctx: [1, 2]),
            step(world.ship, compensation=world.recall, **patient),
        )
        self.typed = saga("typed", step(world.take, compensation=world.give), input=Order)
        world.knows(self.plain, self.full, self.typed)
        person = get_user_model().objects.create_superuser("anna", "anna@example.org", "correct horse")
        client = Client()
        client.force_login(person)
        self.session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.csrf = _get_new_csrf_string()
        self.names: dict[str, str] = {}
        self.renew()

    def renew(self) -> None:
        """Begin new sagas in each plight, since hostile calls end some."""
        waiting, asked, back = (self._begun(number) for number in range(3))
        operations.signal(asked.pk, "paid", {"n": 1}, actor="a test")
        self.world.work(asked)
        self.world.script("reserve", Abort("no"))
        stuck = self.world.start(self.full)
        self.world.work(stuck)
        self.world.script("release", Abort("cannot be undone"))
        operations.cancel(back.pk, actor="a test", reason="because")
        self.world.work(back)
        ended = self.world.start(self.plain)
        self.world.work(ended)
        self.names = {
            "waiting": str(waiting.pk),
            "asked": str(asked.pk),
            "stuck": str(stuck.pk),
            "back": str(back.pk),
            "ended": str(ended.pk),
            "callback": signal_url(waiting.pk, "paid", "nonce").rstrip("/").rpartition("/")[2],
            "approval": approval_url(asked.pk, "agreed", "anna").rstrip("/").rpartition("/")[2],
            "key": settings.GATEWAY["API_KEY"],
            "session": self.session,
            "csrf": self.csrf,
        }
        letter = {"receiver": {"email": "a@example.org"}, "content": {"text": "hi"}}
        sent = answered(json_call("/api/v1/notifications/", letter).meant(self.names))
        self.names["notification"] = json.loads(sent.body)["id"]

    def _begun(self, number: int) -> Saga:
        found = self.world.start(self.full, {"number": number})
        self.world.work(found)
        return found

    def suffer(self, call: Call) -> list[str]:
        """Make the call, let the workers work, and begin a normal saga; what was wrong with any of that."""
        answer = answered(call.meant(self.names))
        return [*faults(call, answer), *self.trouble(), *self.kept(call, answer.status)]

    def trouble(self) -> list[str]:
        """What keeps workers from their work, or a normal saga from its end."""
        try:
            self.world.work()
            normal = operations.start("plain", actor="a test").saga
            self.world.work(normal)
        except Exception as error:
            return [f"a worker came to a stop: {type(error).__name__}: {error}"]
        normal.refresh_from_db()
        return [] if normal.state == "completed" else [f"a normal saga is {normal.state}"]

    def kept(self, call: Call, status: int) -> list[str]:
        """What was accepted must be there."""
        if status not in (201, 202) or "/callbacks/" not in call.path:
            return []
        return (
            [] if Signal.objects.filter(saga_id=self.names["waiting"], name="paid").exists() else ["a signal is lost"]
        )

    def calm_down(self) -> list[str]:
        """Let hours pass; every live saga must have a next move, and nothing that was accepted may be lost."""
        found = []
        for _ in range(4):
            self.world.later(HOUR)
            sweep()
            found += self.trouble()
        dead = [f"{saga} ({saga.state}) has no next move" for saga in Saga.objects.dead(clock.now())]
        dead += [f"{saga} has no steps" for saga in Saga.objects.live() if not Run.objects.filter(saga=saga).exists()]
        return found + dead


def json_call(path: str, body: Any, method: str = "POST", **headers: str) -> Call:
    """A service's call with the key; `body` is bytes, or what becomes JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(
        path=path,
        method=method,
        headers={"Authorization": "Bearer {key}", "Content-Type": "application/json", **given},
        body=sent,
    )


def person_call(path: str, method: str = "GET", query: str = "", body: bytes = b"", **headers: str) -> Call:
    """A person's call from the console."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call(
        path=path,
        method=method,
        query=query,
        headers={
            "Cookie": "sessionid={session}; csrftoken={csrf}",
            "X-CSRFToken": "{csrf}",
            "Accept": "text/html",
            **({"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}),
            **given,
        },
        body=body,
    )
