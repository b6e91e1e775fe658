"""Random lives of sagas: what callers ask, what workers do and fail to do, and time."""

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from sagas.record import clock
from sagas.record.attempts import Claim
from sagas.words.verdict import Doing
from tests.blackbox.holding import Holders
from tests.blackbox.keys import MOST, payloads
from tests.blackbox.life import ENDS, PLAIN, Life
from tests.blackbox.participants import MOODS
from tests.blackbox.site import SAGAS, Answer

PATIENCE = 60
"""Rounds of an hour, of calm participants and people who look after everything: far more than any life needs."""

STEPS = ("reserve", "news", "left", "right", "agreed", "confirm", "ship", "nothing")
times = st.sampled_from([timedelta(seconds=20), timedelta(minutes=2), timedelta(hours=1), timedelta(hours=4)])
moves = st.sampled_from([timedelta(hours=-1), timedelta(hours=1), timedelta(hours=5)])
places = st.integers(0, 5)


class Callers(Holders):
    """Each rule is something that somebody does; after each, every saga is looked at."""

    lives = Holders.lives

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, tuple[str, str]] = {}
        self.dead_workers: list[Claim] = []

    # Starting

    @precondition(lambda self: len(self.known) < MOST)
    @rule(target=lives, key=st.sampled_from(["", "", "a", "b"]), number=st.integers(1, 2))
    def start(self, key: str, number: int) -> Any:
        """Under an idempotency key, perhaps one that was used before, with the same body or another."""
        body = {"definition": "order", "input": {"number": number}}
        headers = {"Idempotency_Key": key} if key else {}
        found = self.site.post(SAGAS, body, **headers)
        before = self.keys.get(key) if key else None
        if before is None:
            self.must(found.status == 201, "a start was refused")
            self.must(found.body["id"] not in self.known, "a new start was answered with an old saga")
        elif before[0] == json.dumps(body):
            self.must(found.status == 200 and found.replayed, "a repeated start was not answered as before")
            self.must(found.body["id"] == before[1], "a repeated start was answered with another saga")
        else:
            self.must(found.status == 422, "another start under a used key was not refused")
        if key and before is None:
            self.keys[key] = json.dumps(body), found.body["id"]
        return self.met(found)

    @precondition(lambda self: len(self.known) < MOST)
    @rule(target=lives, life=lives, confirm=st.booleans())
    def clone(self, life: Life, confirm: bool) -> Any:
        """A new saga like one that has ended."""
        before = life.document
        found = self.site.post(f"{life.url}clone/", {"reason": "because", "confirm_effects": confirm})
        self.must(found.status == 409 or before["ended_at"] is not None, "a live saga was cloned")
        self.must(found.status == 201 or not confirm or "clone" not in before["links"], "a clone was refused")
        return self.met(found)

    # Telling

    @rule(
        life=lives, letter=st.sampled_from(["x", "y", "z"]), payload=payloads, name=st.sampled_from(["news", "gossip"])
    )
    def signal(self, life: Life, letter: str, payload: Any, name: str) -> None:
        """Under an id that may have been used before."""
        own, ended = f"{name} {letter}", life.document["ended_at"] is not None
        found = self.site.post(f"{life.url}signals/{name}/", {"id": own, "payload": payload})
        self.told(life, own, payload, found, counts=name == "news", ended=ended)

    def told(self, life: Life, own: str, payload: Any, found: Answer, *, counts: bool, ended: bool = False) -> None:
        before = next((kept for kept in life.told if kept[0] == own), None)
        if before is not None:
            same = json.dumps(before[1]) == json.dumps(payload)
            late = same and found.code == "ended" and ended
            self.must(found.status == (202 if same else 409) or late, "a repeated signal was not answered as before")
            return
        self.must(found.status == (409 if ended else 202), f"a signal was answered with {found.status}")
        life.told.append((own, payload, counts and not ended))

    @rule(life=lives, approved=st.booleans())
    def decide(self, life: Life, approved: bool) -> None:
        """Yes or no, asked for or not."""
        life.verb("decide", step="agreed", approved=approved)

    # Operating

    @rule(life=lives, name=st.sampled_from(PLAIN))
    def plain(self, life: Life, name: str) -> None:
        """A verb that needs no more than a reason."""
        life.verb(name)

    @rule(life=lives, name=st.sampled_from(["retry", "skip", "waive", "resolve"]), step=st.sampled_from(STEPS))
    def about_a_step(self, life: Life, name: str, step: str) -> None:
        """A verb about one step; of what happened, and what was done by hand, the truth is told."""
        about: dict[str, Any] = {"step": step}
        if name == "resolve":
            about["landed"] = bool(self.site.ledger.of(life.id, step))
            if self.dead_workers:
                return
        found = life.verb(name, **about)
        if found.status != 200:
            return
        key = next(row["key"] for row in found.body["steps"] if row["step"] == step)
        if name == "waive" or (name == "resolve" and not about["landed"]):
            self.site.ledger.undo(key)

    @rule(life=lives, name=st.sampled_from([*PLAIN, "decide", "skip"]))
    def rehearse(self, life: Life, name: str) -> None:
        """A dry run changes nothing."""
        about = {"decide": {"step": "agreed", "approved": True}, "skip": {"step": "reserve"}}.get(name, {})
        before = life.document
        found = life.verb(name, query="dry_run=true", **about)
        self.must(found.status in (200, 409), f"a dry run was answered with {found.status}")
        self.must(unmoved(life.document) == unmoved(before), f"a dry run of {name} changed something")

    @rule(life=lives, name=st.sampled_from(["pause", "cancel", "retry"]))
    def from_a_stale_page(self, life: Life, name: str) -> None:
        """Whoever decides from a page that others have decided about since is refused."""
        etag, before = self.site.get(life.url).etag, life.document
        stale = f'"{int(etag.strip(chr(34)).partition("-")[0]) + 1}"'
        found = life.verb(name, if_match=stale)
        self.must(found.status == 412, f"a decision from a stale page was answered with {found.status}")
        self.must(unmoved(life.document) == unmoved(before), "a decision from a stale page changed something")

    @rule(life=lives, step=st.sampled_from(STEPS), by=moves)
    def reschedule(self, life: Life, step: str, by: timedelta) -> None:
        """A clock is where it was moved to; one that was moved into the past has fired."""
        at = clock.now() + by
        found = life.verb("reschedule", step=step, at=at.isoformat())
        if found.status != 200 or life.paused:
            return
        row = next(row for row in found.body["steps"] if row["step"] == step)
        if by > timedelta(0):
            self.must(datetime.fromisoformat(row["at"]) == at, f"{step}'s clock was moved to {at}, and is {row['at']}")
        else:
            self.must(row["work"] != "waiting", f"{step}'s clock was moved into the past, and it waits")

    # Workers, participants and time

    @rule(moods=st.lists(st.sampled_from(MOODS), max_size=3))
    def participants_are(self, moods: list[str]) -> None:
        """How the next calls go."""
        self.site.ledger.moods.extend(moods)

    @rule(place=places)
    def deliver(self, place: int) -> None:
        """A worker takes something that is due; of a paused saga it does nothing."""
        due = self.site.due()
        if due:
            run = due[place % len(due)]
            calls = len(self.site.ledger.calls)
            self.site.deliver(run)
            life = self.known[str(run.saga_id)]
            self.must(not life.paused or len(self.site.ledger.calls) == calls, "a paused saga called a participant")

    @rule()
    def deliver_all(self) -> None:
        """Workers take whatever is due."""
        self.site.note("deliver everything")
        self.site.touched |= set(self.known)
        self.site.work()

    @rule(place=places)
    def die(self, place: int) -> None:
        """A worker takes something, and is not heard of for a while."""
        due = self.site.due()
        if due and (held := self.site.claim(due[place % len(due)])):
            self.dead_workers.append(held)

    @rule(place=places)
    def rise(self, place: int) -> None:
        """It does its work after all."""
        if self.dead_workers:
            held = self.dead_workers.pop(place % len(self.dead_workers))
            if held.run.doing != Doing.DECISION:
                self.site.speak(held)

    @rule(by=times)
    def later(self, by: timedelta) -> None:
        """Time passes."""
        self.site.touched |= set(self.known)
        self.site.later(by)

    # What holds

    @invariant()
    def promises_hold(self) -> None:
        """After everything, for every saga that it was about."""
        touched, self.site.touched = self.site.touched, set()
        for life in self.known.values():
            if life.id in touched:
                life.look()

    @rule(limit=st.integers(1, 3))
    def count(self, limit: int) -> None:
        """However the list is cut, it is the same sagas, each of them once."""
        everything = self.listed()
        ids = [row["id"] for row in everything]
        self.must(sorted(ids) == sorted(self.known), "the list is not of the sagas that were begun")
        self.must([row["id"] for row in self.listed(limit=str(limit))] == ids, "pages of another size show others")
        states = ("pending", "running", "waiting", "stuck", "compensating", *ENDS)
        parts = [row["id"] for state in states for row in self.listed(state=state)]
        self.must(sorted(parts) == sorted(ids), "the states' lists do not add up to the whole")
        people = [row["id"] for word in ("true", "false") for row in self.listed(needs_person=word)]
        self.must(sorted(people) == sorted(ids), "those that need a person, and the others, are not all")

    def teardown(self) -> None:
        """In the end everything ends: then the ledger must agree."""
        try:
            if self.known:
                self.calm_down()
                for life in self.known.values():
                    life.settle_accounts()
        finally:
            self.site.close()

    def calm_down(self) -> None:
        """Participants are well, and people look after all that needs them."""
        self.site.note("everything calms down")
        self.site.ledger.moods.clear()
        if self.is_held():
            self.release(rate=None)
        for _ in range(PATIENCE):
            self.site.work()
            if all(life.document["ended_at"] and not life.document["needs_person"] for life in self.known.values()):
                return
            for life in self.known.values():
                self.look_after(life)
            self.site.work()
            self.later(timedelta(hours=1))
            self.promises_hold()
        self.site.broken(f"{[life for life in self.known.values() if not life.document['ended_at']]} do not end")

    def look_after(self, life: Life) -> None:
        """Do what the saga says is allowed and helps it on."""
        shown = life.document
        for row in shown["steps"]:
            if row["work"] == "waiting" and row["kind"] == "wait":
                self.signal(life, f"calm {row['step']}", {"calm": row["step"]}, "news")
        if "resume" in shown["links"]:
            life.verb("resume")
        if "decide" in shown["links"]:
            life.verb("decide", step="agreed", approved=True)
        if "retry" in shown["links"] and (shown["needs_person"] or shown["state"] == "failed"):
            life.verb("retry")


def unmoved(document: dict[str, Any]) -> dict[str, Any]:
    """A saga without what time alone changes."""
    return {name: value for name, value in document.items() if name != "next"}
