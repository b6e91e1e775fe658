"""Typed settings: what `SAGAS = {...}` in Django's settings may say, and what holds when it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.core.signals import setting_changed

from gateway.given import given


@dataclass(frozen=True, kw_only=True)
class Conf:
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The participants by name: {"payments": {"url": "https://…", "token": "…"}}."""

    public_url: str = "http://127.0.0.1:8000"
    """Where participants and people reach this coordinator's doors: callback addresses begin with it."""
    tell: str = ""
    """A dotted path to a function that tells people: `tell(what, document)`, what being "approval" or "reminder"."""

    alerts: Mapping[str, Any] = field(default_factory=dict)
    """Where people are told of trouble: {"url": "https://…/api/v1/notifications/", "key": "…", "receivers": [{"owner":
    "shop team", "severity": "urgent", "receiver": {"email": "…"}}, {"receiver": {…}}]}, the first that fits; without a
    url, in the log. Also "category", "cool_down", "many" within a "window", "old", as `sagas.words.alerts` has them."""
    trace_url: str = ""
    """Where a trace is looked at: an address with `{trace}` in it, such as "https://traces.example.org/trace/{trace}"."""
    alert_queue_age: timedelta = timedelta(minutes=5)
    """People are told when a step has been due for so long."""

    second_person_for: tuple[str, ...] = ()
    """Verbs that a second person must approve: "give_up", "cancel", "compensate", "waive"."""
    second_person_over: int | None = None
    """A second person must approve what is done to more sagas than that at once."""
    second_person_within: timedelta = timedelta(days=1)
    """What nobody has approved after so long has expired."""

    long_polls: int = 200
    """How many requests of a web process may wait for sagas at a time; keep it below the threads of the process."""
    longest_poll: timedelta = timedelta(seconds=60)
    """How long one of them may wait."""
    most_due: Mapping[str, int] = field(default_factory=dict)
    """How many steps of a definition may be due when another saga of it is started over REST; beyond that it is 429."""

    callback_networks: tuple[str, ...] = ()
    """Private networks that a `callback_url` may lead to, such as "10.1.0.0/16"; for those, http will do."""
    callback_for: timedelta = timedelta(days=90)
    """How long after its saga began an address of `ctx.signal_url` is good."""
    callback_secrets: tuple[str, ...] = ()
    """What callbacks are signed with (`whsec_…`), all of them; without any, one that is made from SECRET_KEY."""

    event_targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Where events go, by name: {"bus": {"kind": "rabbitmq", "url": "amqp://…", "events": ["saga.*", "stock.*"]}}."""
    event_sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Where events come from, by name: {"shop": {"kind": "rabbitmq", "url": "amqp://…", "queue": "orders"}}."""
    event_source: str = "/sagas"
    """What events say of where they come from: a URI or a part of one, other than that of any other installation."""
    event_lease: timedelta = timedelta(seconds=30)
    """Who sends to a target and falls silent is followed by another process after so long."""
    events_kept: timedelta = timedelta(days=3)
    """How long events are kept after they were sent, or taken in, to be looked up, and known again."""

    beat_every: timedelta = timedelta(seconds=3)
    """How often a process tells that it lives."""
    gone_after: timedelta = timedelta(seconds=10)
    """A process that has been silent for so long is gone; what it held is taken over."""
    sweep_every: timedelta = timedelta(seconds=2)
    """How often clocks and lost messages are looked for, over all processes together."""
    ring_again_after: timedelta = timedelta(seconds=10)
    """A due step that nobody picked up is rung again after so long."""
    look_after: timedelta = timedelta(seconds=2.5)
    """An idle worker takes a due step without a message after so long."""
    unknown_after: timedelta = timedelta(seconds=60)
    """A due step that no living worker knows becomes an incident after so long."""
    canary_every: timedelta = timedelta(seconds=5)
    """How often a worker sends itself a message, to know that it still hears."""
    deaf_after: timedelta = timedelta(seconds=60)
    """A worker that the broker answers but that has heard no message of its own for so long ends itself."""

    one_statement: bool = True
    """Write a turn on PostgreSQL in one statement where that can be done, and under the saga's lock only where not."""

    shared_commits: bool = True
    """Let turns that end at the same time in threads of one process share a statement, and its commit."""

    new_trace_after: timedelta = timedelta(hours=1)
    """What a saga does after it has rested for so long is a trace of its own, linked to the one before."""

    slice_steps: int = 10
    """A worker goes straight on for at most so many steps of one saga …"""
    slice_time: timedelta = timedelta(seconds=2)
    """… or for so long, so that others get their turn."""
    drain: timedelta = timedelta(seconds=60)
    """Once a saga is turned back, an attempt under way has so long to tell how it went."""
    lease_margin: timedelta = timedelta(seconds=2)
    """How long after an attempt's timeout its worker still may record what came of it."""
    database_patience: timedelta = timedelta(seconds=60)
    """How long a worker tries to record an outcome while the database does not answer."""


@cache
def conf() -> Conf:
    """The settings, with their defaults. Raises `ImproperlyConfigured` for a name that there is not."""
    return Conf(**given("SAGAS", Conf))


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "SAGAS":
        conf.cache_clear()


setting_changed.connect(_forget)
