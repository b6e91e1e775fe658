"""The commands that do something: begin a saga, tell it something, decide about it."""

import getpass
import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from sagas import operations
from sagas.api.documents import preview_document, saga_document, signal_document
from sagas.engine.timeline import Reader
from sagas.errors import NotFound
from sagas.management.arguments import NOTHING
from sagas.management.finding import find
from sagas.management.following import follow
from sagas.management.screen import Screen
from sagas.models import Proposal, Run, Saga, Work
from sagas.operations import Started, second
from sagas.words.lifecycle import SagaState

Command = Callable[[Screen, Namespace], int]
"""Does what the words say, and returns the exit status."""

COMPLETED, ENDED_OTHERWISE, STILL_LIVE, ASKED = 0, 1, 3, 4


def start(screen: Screen, given: Namespace) -> int:
    """Begin a saga, and watch it if asked to."""
    started = operations.start(
        given.definition,
        given.input,
        actor=actor(),
        business_key=given.key,
        on_duplicate=given.on_duplicate,
        labels=dict(given.label),
        priority=given.priority,
        start_at=given.at,
        version=given.version,
        tenant=given.tenant,
    )
    screen.head(started.saga)
    if not started.created:
        screen.say("This open saga holds the business key; nothing new was begun.")
    return finish(screen, given, started.saga, Reader(started.saga))


def signal(screen: Screen, given: Namespace) -> int:
    """Tell a saga something."""
    payload, sender = given.payload, actor()
    if given.definition is not None:
        missing = None if given.start_if_missing is NOTHING else {"input": given.start_if_missing}
        told = operations.signal_by_key(
            given.definition,
            given.saga,
            given.name,
            payload,
            actor=sender,
            id=given.id,
            tenant=given.tenant,
            start_if_missing=missing,
        )
    else:
        saga = find(given.saga)
        told = operations.signal(saga.pk, given.name, payload, actor=sender, id=given.id, tenant=saga.tenant)
    screen.head(told.saga)
    screen.say("It was known already." if told.replayed else "It is stored.")
    screen.say("A wait has taken it." if told.taken else "It is kept until a wait of that name takes it.")
    about = {"saga": told.saga.pk, "taken": told.taken, "replayed": told.replayed}
    screen.json(about | {"signal": signal_document(told.signal)})
    return 0


def verb(name: str, *fields: str) -> Command:
    """A command that says what a verb is going to do, and does it, unless something was decided in between."""

    def act(screen: Screen, given: Namespace) -> int:
        saga = find(given.saga)
        reader = Reader(saga)
        arguments = {field: getattr(given, field) for field in fields if getattr(given, field) is not NOTHING}
        if name == "decide" and given.step is None:
            arguments["step"] = _open_approval(saga)
        reason = given.reason or ("A dry run." if given.dry_run else "")
        about: dict[str, Any] = {"actor": actor(), "reason": reason}
        about |= {"tenant": saga.tenant, "expect": saga.decisions}
        preview = operations.preview(name, saga.pk, **arguments, **about)
        screen.head(saga)
        for sentence in preview.sentences:
            screen.say(f"→ {sentence}")
        asking = name in second.ASKABLE and second.needs_another(name)
        if asking:
            screen.say("→ Not at once: a second person must approve it.")
        if given.dry_run:
            screen.say(
                "Nothing was changed." if name == "clone" else f"Nothing was changed; it would be {preview.state}."
            )
            screen.json(preview_document(preview))
            return 0
        if asking:
            return ask(screen, second.ask(name, saga.pk, **about, arguments=arguments))
        reader.news()
        done = getattr(operations, name)(saga.pk, **arguments, **about)
        if not isinstance(done, Started):
            return finish(screen, given, done, reader)
        screen.head(done.saga)
        return finish(screen, given, done.saga, Reader(done.saga))

    return act


def ask(screen: Screen, left: Proposal) -> int:
    """Say that nothing was done, and who can see to it that it is."""
    screen.say(
        f"Nothing was done yet. It is asked for, as proposal {left.pk}, until {left.expires_at:%Y-%m-%d %H:%M} UTC."
    )
    screen.say(
        "Somebody else approves or refuses it: in the console on the page Second person, or with"
        f" POST /api/v1/proposals/{left.pk}/approve/. A terminal cannot tell two people apart."
    )
    about = {"id": left.pk, "verb": left.verb, "saga": left.saga_id, "reason": left.reason, "asked_by": left.asked_by}
    screen.json({"proposal": about | {"expires_at": left.expires_at}})
    return ASKED


def finish(screen: Screen, given: Namespace, saga: Saga, reader: Reader) -> int:
    """Show what is new about a saga and how it stands; watch it to its end first, if asked to."""
    if given.follow:
        saga = follow(saga, screen, reader, timeout=given.timeout, details=given.details)
    else:
        screen.story(reader.news(), details=given.details)
    screen.foot(saga)
    screen.json(saga_document(saga, None))
    return exit_status(saga) if given.follow else 0


def exit_status(saga: Saga) -> int:
    """0 for a saga that completed, 1 for one that ended otherwise, 3 for one that has not ended."""
    if saga.ended_at is None:
        return STILL_LIVE
    return COMPLETED if saga.state == SagaState.COMPLETED else ENDED_OTHERWISE


def actor() -> str:
    """Who sits at the terminal, as the audit calls them."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def _open_approval(saga: Saga) -> str:
    asking = Run.objects.filter(saga_id=saga.pk, kind=Run.Kind.APPROVAL, work=Work.WAITING, given__isnull=True)
    paths: list[Any] = list(asking.order_by("id").values_list("path", flat=True))
    if len(paths) != 1:
        which = f"Several approvals are open: {', '.join(paths)}" if paths else "No approval is open"
        raise NotFound(f"{which}; say which one is meant, with --step.")
    return str(paths[0])
