"""Holds the participants' ledgers against what the coordinator promises. Reads nothing of the coordinator."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import httpx

from examples.shop.client import TOKEN

Ledger = Mapping[str, Any]


def check(
    urls: Iterable[str] | Mapping[str, str],
    *,
    token: str = TOKEN,
    undone: Collection[str] = (),
    completed: Collection[str] = (),
) -> list[str]:
    """Every violation in the ledgers of these services, a sentence each; empty when all is well.

    `undone` are the ids of sagas that ended compensated or cancelled, `completed` of those that completed.
    """
    addresses = urls.values() if isinstance(urls, Mapping) else urls
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False) as client:
        ledgers = [client.get(f"{url}/ledger").raise_for_status().json() for url in addresses]
    return [violation for ledger in ledgers for violation in violations(ledger, undone=undone, completed=completed)]


def violations(ledger: Ledger, *, undone: Collection[str] = (), completed: Collection[str] = ()) -> Iterator[str]:
    """Every violation in one service's ledger (the JSON of `GET /ledger`)."""
    for violation in (
        *_applied_more_than_once(ledger),
        *_out_of_order(ledger),
        *_without_a_call(ledger),
        *_changed_under_way(ledger),
        *_not_conserved(ledger),
        *_wrongly_ended(ledger, undone=set(undone), completed=set(completed)),
    ):
        yield f"{ledger['service']}: {violation}"


def saga_of(key: str) -> str:
    """The id of the saga that a key belongs to: `saga:row:item:generation`."""
    return key.partition(":")[0]


def place_of(key: str) -> str:
    """The row and item that a key belongs to, whichever its generation."""
    return key.rpartition(":")[0]


def _applied_more_than_once(ledger: Ledger) -> Iterator[str]:
    times = Counter(entry["key"] for entry in ledger["entries"])
    yield from (f"{key} was applied {count} times." for key, count in times.items() if count > 1)


def _out_of_order(ledger: Ledger) -> Iterator[str]:
    """An action is followed by one compensation at most, of the same size, and by nothing else."""
    effects: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in ledger["entries"]:
        effects[entry["action_key"]].append(entry)
    for key, entries in effects.items():
        kinds = [entry["kind"] for entry in entries]
        if kinds not in (["action"], ["action", "compensation"]):
            yield f"{key} has the effects {', '.join(kinds)}, not an action and at most one compensation after it."
        elif len({(entry["of"], entry["quantity"]) for entry in entries}) > 1:
            yield f"{key} was compensated with something else than its action did."


def _without_a_call(ledger: Ledger) -> Iterator[str]:
    heard = {call["key"] for call in ledger["calls"]}
    yield from (
        f"{entry['key']} had an effect without a call." for entry in ledger["entries"] if entry["key"] not in heard
    )


def _changed_under_way(ledger: Ledger) -> Iterator[str]:
    """One key, one request: repetitions carry the same method, path and body."""
    requests: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for call in ledger["calls"]:
        if call["key"] and call["method"] != "GET":
            requests[call["key"]].add((call["method"], call["path"], call["digest"]))
    yield from (
        f"{key} came with {len(found)} different requests." for key, found in requests.items() if len(found) > 1
    )


def _not_conserved(ledger: Ledger) -> Iterator[str]:
    taken: Counter[str] = Counter()
    for entry in ledger["entries"]:
        taken[entry["of"]] += entry["quantity"] if entry["kind"] == "action" else -entry["quantity"]
    for name, book in ledger["books"].items():
        if book["opening"] - taken[name] != book["now"]:
            yield f"{name} began with {book['opening']}, {taken[name]} were taken, but {book['now']} are left."


def _wrongly_ended(ledger: Ledger, *, undone: set[str], completed: set[str]) -> Iterator[str]:
    done: Counter[tuple[str, str, str]] = Counter()
    left: Counter[str] = Counter()
    for entry in ledger["entries"]:
        saga = saga_of(entry["action_key"])
        if entry["kind"] == "action":
            done[saga, place_of(entry["action_key"]), entry["what"]] += 1
            left[saga] += 1
        else:
            left[saga] -= 1
            if saga in completed:
                yield f"saga {saga} completed, but one of its effects was undone: {entry['action_key']}."
    for (saga, _, what), times in done.items():
        if saga in completed and times > 1:
            yield f"saga {saga} completed, but did {what} {times} times."
    yield from (
        f"saga {saga} was undone, but {left[saga]} of its effects are in place." for saga in undone if left[saga]
    )
