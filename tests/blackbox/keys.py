"""What callers do who know a saga by its business key: take its place, or tell it something."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, precondition, rule

from tests.blackbox.life import Life
from tests.blackbox.site import SAGAS, Answer, Site

MOST = 4
"""Sagas of one story: more of them only take time."""

keys = st.sampled_from(["k", "l"])
payloads = st.sampled_from([{"n": 1}, {"n": 2}, None, [1, 2], "text", 1.5])


class ByKey(RuleBasedStateMachine):
    """The rules about business keys; whoever holds one is the oldest open saga that was started with it."""

    lives = Bundle("lives")

    def __init__(self) -> None:
        super().__init__()
        self.site = Site()
        self.known: dict[str, Life] = {}

    @precondition(lambda self: len(self.known) < MOST)
    @rule(target=lives, key=keys, on_duplicate=st.sampled_from(["return", "refuse", "queue"]))
    def start_by_key(self, key: str, on_duplicate: str) -> Any:
        """With a business key, which an open saga may hold."""
        holder = self.holder(key)
        found = self._start(key, on_duplicate)
        meant = 201 if holder is None or on_duplicate == "queue" else {"return": 200, "refuse": 409}[on_duplicate]
        self.must(found.status == meant, f"with {holder} open a start was answered with {found.status}")
        return self.met(found)

    @precondition(lambda self: len(self.known) < MOST)
    @rule(target=lives, key=keys)
    def replace(self, key: str) -> Any:
        """Take the place of whoever holds the key: it is turned back, or nothing happens at all."""
        holder, before = self.holder(key), len(self.listed(business_key=key))
        found = self._start(key, "replace")
        if holder is None or found.status == 201:
            self.must(found.status == 201, f"nobody held the key, and a start was answered with {found.status}")
        else:
            self.must(found.status == 409, f"a start in {holder}'s place was answered with {found.status}")
            self.must(found.code in ("committed", "at_the_pivot"), f"{holder} was not replaced: {found.code}")
            self.must(len(self.listed(business_key=key)) == before, "a start was refused, and there is another saga")
            holder.has_passed_the_pivot |= found.code == "committed"
        if holder is not None and found.status == 201:
            shown = holder.document
            self.must(shown["going"] == "back" or shown["state"] == "cancelled", f"{holder} was replaced and goes on")
            holder.was_turned_back = True
        return self.met(found)

    @rule(target=lives, key=keys, letter=st.sampled_from(["x", "y"]), payload=payloads, begins=st.booleans())
    def signal_by_key(self, key: str, letter: str, payload: Any, begins: bool) -> Any:
        """Tell whoever holds the key; without anybody it is nobody's, or begins a saga that has it."""
        holder, own = self.holder(key), f"{key} {letter}"
        begins = begins and len(self.known) < MOST
        body: dict[str, Any] = {"id": own, "payload": payload, **({"start_if_missing": {}} if begins else {})}
        found = self.site.post(f"{SAGAS}by-key/order/{key}/signals/news/", body)
        if holder is not None:
            self.told(holder, own, payload, found, counts=True)
        elif not begins:
            self.must(found.status == 404, f"nobody held the key, and a signal was answered with {found.status}")
        else:
            self.must(found.status == 202, f"a signal that begins a saga was answered with {found.status}")
            self.must(found.body["saga"] not in self.known, "a signal began a saga that was there")
            begun = self.meet(found.body["saga"])
            begun.told.append((own, payload, True))
            return begun
        return multiple()

    def told(self, life: Life, own: str, payload: Any, found: Answer, *, counts: bool) -> None:
        """Hold the answer to a signal against those that the saga was told before."""
        raise NotImplementedError

    def holder(self, key: str) -> Life | None:
        """Whose key it is; those that wait for it were begun later."""
        rows = [row for row in self.listed(business_key=key) if row["ended_at"] is None]
        return self.meet(rows[-1]["id"]) if rows else None

    def _start(self, key: str, on_duplicate: str) -> Answer:
        found = self.site.post(SAGAS, {"definition": "order", "business_key": key, "on_duplicate": on_duplicate})
        begun = [row for row in self.listed(business_key=key) if row["ended_at"] is None and row["state"] != "pending"]
        self.must(len(begun) <= 1, "two sagas hold one business key")
        return found

    def met(self, found: Answer) -> Any:
        """The life of the saga in an answer, new or known; nothing for a refusal."""
        return self.meet(found.body["id"]) if found.status in (200, 201) else multiple()

    def meet(self, saga_id: str) -> Life:
        """The life of that saga, new or known."""
        self.site.name_of(saga_id)
        self.site.touched.add(saga_id)
        return self.known.setdefault(saga_id, Life(self.site, saga_id))

    def listed(self, **query: str) -> list[Any]:
        """The list of sagas, all pages."""
        return self.site.pages(SAGAS, **query)

    def must(self, holds: bool, promise: str) -> None:
        """A promise."""
        if not holds:
            self.site.broken(promise)
