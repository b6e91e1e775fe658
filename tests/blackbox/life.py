"""One saga as its callers know it: what was promised about it, and what must therefore hold at every look."""

from typing import Any

from tests.blackbox.site import SAGAS, Answer, Site

ENDS = ("completed", "compensated", "cancelled", "failed")
PLAIN = ("cancel", "compensate", "pause", "resume", "give_up", "retry")
"""Verbs that need no more than a reason."""


class Life:
    """A saga and the promises made about it, in the answers that were given."""

    def __init__(self, site: Site, saga_id: str) -> None:
        self.site, self.id = site, saga_id
        self.url = f"{SAGAS}{saga_id}/"
        self.told: list[tuple[str, Any, bool]] = []
        """The signals that were accepted, in order: id, payload, and whether a wait may take it."""
        self.decision: bool | None = None
        self.was_turned_back = False
        self.has_passed_the_pivot = False
        self.paused = False
        self.end = ""
        self.results: dict[str, Any] = {}
        self.etags: list[str] = []

    def __repr__(self) -> str:
        return self.site.name_of(self.id)

    @property
    def document(self) -> dict[str, Any]:
        """The saga as REST shows it."""
        found = self.site.get(self.url)
        self.must(found.status == 200, f"it is not shown: {found.status}")
        shown: dict[str, Any] = found.body
        return shown

    @property
    def allowed(self) -> list[str]:
        """The verbs that it says it allows."""
        return [
            name for name in self.document["links"] if name in (*PLAIN, "decide", "skip", "waive", "clone", "resolve")
        ]

    def must(self, holds: bool, promise: str) -> None:
        """A promise about this saga."""
        if not holds:
            self.site.broken(f"{self}: {promise}")

    def verb(self, name: str, *, query: str = "", if_match: str = "", **about: Any) -> Answer:
        """Ask for a verb, and hold the answer against what the saga said it allows."""
        before = self.document
        headers = {"If_Match": if_match} if if_match else {}
        address = f"{self.url}{name.replace('_', '-')}/"
        found = self.site.post(address, {"reason": "because", **about}, query=query, **headers)
        if query or if_match:
            return found
        was_back = before["going"] == "back" and not before["ended_at"]
        if name in PLAIN and name in before["links"]:
            self.must(
                found.status == 200 or found.code in ("happened", "retry_the_child"), f"{name} was listed, and refused"
            )
        if name not in before["links"] and not (name in ("cancel", "compensate") and was_back):
            self.must(found.status in (409, 422), f"{name} was not listed, and done")
        self.note(name, before, found, about)
        return found

    def note(self, name: str, before: dict[str, Any], found: Answer, about: dict[str, Any]) -> None:
        """What the answer promises from now on."""
        if found.status == 200:
            match name:
                case "cancel" | "compensate":
                    self.must(not before["ended_at"], f"{name} was answered with yes after its end")
                    self.must(
                        found.body["going"] == "back" or found.body["state"] == "cancelled", f"{name} did nothing"
                    )
                    self.was_turned_back = True
                case "pause":
                    self.paused = True
                case "resume":
                    self.paused = False
                case "decide":
                    self.must(self.decision is None, "it was decided twice")
                    self.decision = about["approved"]
                case "retry" if before["state"] == "failed":
                    self.end = ""
        elif found.status == 409:
            if found.code == "committed":
                self.has_passed_the_pivot = True
            self.must(found.code != "ended" or bool(before["ended_at"]), "it was said to have ended, and had not")
            self.must("allowed" in found.body, "a refusal does not say what is allowed")

    def look(self) -> None:
        """What was promised holds."""
        shown = self.document
        state, ended = shown["state"], bool(shown["ended_at"])
        self.must(ended == (state in ENDS), f"it is {state} and {'has' if ended else 'has not'} ended")
        self.must(not self.end or state == self.end, f"it had ended {self.end} and is {state}")
        self.end = state if ended else ""
        self.must(bool(shown["next"].strip()), "it does not say what it waits for")
        self.must(shown["needs_person"] == bool(shown["incidents"]), "it counts incidents that it does not show")
        if self.was_turned_back:
            self.must(shown["going"] == "back" or state == "cancelled", f"it was turned back and goes on, {state}")
            self.must(state != "completed", "it was turned back and completed")
        if self.has_passed_the_pivot:
            self.must(shown["going"] == "forward", "it had passed its point of no return and goes back")
        self._look_at_steps(shown["steps"])
        self._look_at_signals(shown["steps"])

    def _look_at_steps(self, steps: list[dict[str, Any]]) -> None:
        for row in steps:
            if row["state"] != "succeeded":
                continue
            known = self.results.setdefault(row["step"], row["result"])
            self.must(known == row["result"], f"{row['step']} has another result than before")
            if row["step"] == "agreed":
                self.must(row["result"]["approved"] is self.decision, "another decision counts than the one accepted")

    def _look_at_signals(self, steps: list[dict[str, Any]]) -> None:
        shown = [(kept["id"], kept["payload"]) for kept in self.site.pages(f"{self.url}signals/")]
        self.must(shown == [(name, payload) for name, payload, _ in self.told], "its signals are not those it accepted")
        taken = [self.results[name] for name in ("news", "more_news") if name in self.results]
        meant = [payload for _, payload, counts in self.told if counts]
        self.must(taken == meant[: len(taken)], f"its waits took {taken} of {meant}")

    def settle_accounts(self) -> None:
        """At the end the participants' ledger agrees."""
        shown = self.document
        there = self.site.ledger.of(self.id)
        if shown["state"] in ("compensated", "cancelled"):
            self.must(not there, f"it is {shown['state']} and left {sorted(there)}")
        for row in shown["steps"]:
            mine = self.site.ledger.of(self.id, row["step"])
            self.must(len(mine) <= 1, f"{row['step']} happened more than once: {sorted(mine)}")
            if shown["state"] == "completed" and row["kind"] == "step" and row["state"] == "succeeded":
                self.must(bool(mine), f"{row['step']} succeeded and left nothing")
