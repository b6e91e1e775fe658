"""What the journal's moves say in plain words, a sentence each; pure.

Each kind of move, by its `did`, has one entry in `OF_STEPS` or `OF_SAGAS`. A new move without an entry is shown by its
own name, so that nothing is lost.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

Tone = Literal["good", "trouble", "back", "person", "plain", "quiet"]
"""good: it goes on · trouble: it did not work · back: something is undone · person: a person decided it · plain: it is
worth telling · quiet: only for whoever wants every detail."""

Move = Mapping[str, Any]
Said = tuple[Tone, str]

NOT_TOLD: Said = ("quiet", "")

STATES: dict[str, Said] = {
    "running": ("quiet", "the saga runs"),
    "waiting": ("quiet", "the saga waits"),
    "stuck": ("trouble", "the saga is stuck: nothing moves until a person decides"),
    "completed": ("good", "the saga completed"),
    "compensated": ("back", "the saga ended compensated: everything it had done is undone"),
    "cancelled": ("back", "the saga ended cancelled: everything it had done is undone"),
    "failed": ("trouble", "the saga ended failed: it was given up"),
}


def of_state(state: str) -> Said:
    """The saga has moved to another state."""
    return STATES.get(state, ("plain", f"the saga is {state}"))


def of_turning_back(why: str) -> Said:
    """From here on the saga undoes what it did."""
    return "back", f"the saga goes back: {why}" if why else "the saga goes back"


def of_saga(move: Move) -> Said:
    """A move of the saga as a whole."""
    telling = OF_SAGAS.get(move["did"])
    return telling(move) if telling else ("plain", f"{move['did']}")


def of_step(move: Move, name: str, kind: str) -> Said:
    """A move of one row; `name` is what people call it, `kind` what kind of row it is."""
    telling = OF_STEPS.get(move["did"])
    return telling(move, name, kind) if telling else ("plain", f"{name}: {move['did']}")


def of_incident(move: Move, name: str) -> Said:
    """Something needs a person: a row, or, without a name, the saga."""
    return "trouble", f"{name or 'the saga'} needs a person ({move['incident']}): {_error(move)}"


def of_signal(move: Move, *, taken: bool, paused: bool) -> Said:
    """The saga was told something."""
    signal = f"the signal {move['signal']}"
    match move.get("flag"):
        case "unexpected":
            return "trouble", f"{signal} came, and no row waits for it"
        case "late":
            return "trouble", f"{signal} came after the end"
    if taken:
        return "good", f"{signal} came"
    return "plain", f"{signal} came {'during the pause' if paused else 'early'}, and is kept"


def _error(move: Move) -> str:
    return str(move.get("error") or "nothing more is known").rstrip(".")


def _because(move: Move) -> str:
    return f": {_error(move)}" if move.get("error") else ""


def _in(move: Move) -> str:
    after = float(move.get("after") or 0)
    return f"in {after:.1f} s" if after else "at once"


def _time(text: object) -> str:
    return f"{datetime.fromisoformat(str(text)):%Y-%m-%d %H:%M:%S} UTC"


def _undoing(move: Move) -> bool:
    return move.get("undo") in ("due", "running", "stuck")


def _claimed(move: Move, name: str, kind: str) -> Said:
    again = f" (try {move['tries']})" if move.get("tries", 1) > 1 else ""
    return "quiet", f"{name} {'is being undone' if move.get('undo') == 'running' else 'begins'}{again}"


def _succeeded(move: Move, name: str, kind: str) -> Said:
    if move.get("error"):
        return "trouble", f"{name} happened, but not as it should have{_because(move)}"
    endings = {
        "wait": "is there and accepted",
        "approval": "is decided",
        "sleep": "is over",
        "child": "is done: the child completed",
    }
    return "good", f"{name} {endings.get(kind, 'succeeded')}"


def _failed(move: Move, name: str, kind: str) -> Said:
    if kind == "group":
        return "trouble", f"{name} failed as a whole"
    refused = move.get("outcome") == "refused" and kind == "step"
    return "trouble", f"{name} {'was refused' if refused else 'failed'}{_because(move)}"


def _again(move: Move, name: str, kind: str) -> Said:
    what = f"undoing {name}" if _undoing(move) else name
    return "trouble", f"{what} is tried again {_in(move)}{_because(move)}"


def _opened(move: Move, name: str, kind: str) -> Said:
    return "quiet", f"{name} {'begins' if move.get('state') == 'waiting' else 'is due'}"


def _waits(move: Move, name: str, kind: str) -> Said:
    match kind:
        case "child":
            child = f"saga {move['child']}" if "child" in move else "a saga of its own"
            return "plain", f"{name} is {child}; its end is awaited"
        case "approval":
            return "plain", f"{name} waits for a person's yes or no"
    return "plain", f"{name} is waited for"


def _decided(move: Move, name: str, kind: str) -> Said:
    kept = ", which is kept until the pause is over" if move.get("kept") else ""
    return "person", f"{name} got a {'yes' if move.get('approved') else 'no'}{kept}"


def _called_off(move: Move, name: str, kind: str) -> Said:
    unknown = "; whether it happened is not known" if move.get("state") == "unknown" else ""
    return "back", f"{name} is called off{unknown}"


def _late(move: Move, name: str, kind: str) -> Said:
    said = {"succeeded": "it did happen", "refused": "it was refused", "probed": "it was asked after"}
    return "trouble", f"{name} answered too late: {said.get(str(move.get('outcome')), 'it failed')}"


def _resolved(move: Move, name: str, kind: str) -> Said:
    return "person", f"{name} {'did happen' if move.get('landed') else 'did not happen'}, a person says"


def _told(tone: Tone, sentence: str) -> Callable[[Move, str, str], Said]:
    """A sentence in which {name} stands for the row, {why} for what went wrong and {when} for the pause."""
    return lambda move, name, kind: (tone, sentence.format(name=name, why=_because(move), when=_in(move)))


OF_STEPS: dict[str, Callable[[Move, str, str], Said]] = {
    "opened": _opened,
    "begun": _told("quiet", "{name} is due"),
    "taken": _told("quiet", "{name} is taken"),
    "listed": lambda move, name, kind: ("plain", f"{name} has {move.get('items')} items"),
    "owes": _told("quiet", "{name} is to be undone should the saga go back"),
    "decides": _told("quiet", "{name} is decided by the definition's functions"),
    "claimed": _claimed,
    "asked": _told("plain", "{name} is asked after: did it happen?"),
    "waits": _waits,
    "sleeps": _told("plain", "the saga sleeps ({name})"),
    "succeeded": _succeeded,
    "failed": _failed,
    "unknown": _told("trouble", "{name} may have happened, and is not tried again{why}"),
    "timed_out": _told("trouble", "{name} timed out{why}"),
    "skipped": _told("plain", "{name} is skipped"),
    "passed": _told("good", "{name} is done"),
    "again": _again,
    "to ask": _told("trouble", "{name} may have happened; its participant is asked {when}{why}"),
    "held": _told("quiet", "{name} is held{why}"),
    "called off": _called_off,
    "superseded": _told("quiet", "{name} needs nobody any more: it is called off"),
    "spared": _told("quiet", "{name} did not happen, so it need not be undone"),
    "demanded": _told("quiet", "{name} is to be undone"),
    "told to undo": _told("back", "the child of {name} is told to undo itself"),
    "undone": _told("back", "{name} is undone"),
    "stuck": _told("quiet", "{name} cannot be undone by itself"),
    "committed": _told("good", "{name} was the point of no return: the saga only goes forward now"),
    "took": _told("good", "{name} took what had come for it"),
    "decided": _decided,
    "reminded": _told("plain", "people are reminded of {name}"),
    "late": _late,
    "retried": _told("person", "{name} is tried again"),
    "resolved": _resolved,
    "rescheduled": lambda move, name, kind: ("person", f"the clock of {name} is moved to {_time(move['at'])}"),
    "waived": _told("person", "{name} was undone by hand, a person says"),
    "parked": lambda move, name, kind: (
        "trouble",
        f"{name} waits: its participant {move.get('participant')} is held by {move.get('by')}",
    ),
    "let go": _told("plain", "{name} is let go: its participant may be called again"),
    "put down": _told("quiet", "{name} is put down"),
    "goes on": _told("quiet", "{name} goes on"),
}

OF_SAGAS: dict[str, Callable[[Move], Said]] = {
    "items called off": lambda move: ("back", f"{move.get('items')} items that had not begun are called off"),
    "paused": lambda move: ("person", "the saga is paused"),
    "resumed": lambda move: ("person", "the saga goes on"),
    "deadline moved": lambda move: ("person", f"the deadline is moved to {_time(move['at'])}"),
    "deadline noted": lambda move: (
        "trouble",
        "the deadline passed at the point of no return, and counts if that fails",
    ),
    "followed": lambda move: ("plain", f"saga {move.get('by')} waits until this one has ended"),
    "queued": lambda move: ("plain", f"the saga waits until saga {move.get('behind')} has ended"),
    "tells again": lambda move: ("person", "whoever wanted to know of its end is told once more"),
    "heard": lambda move: ("quiet", f"the saga was told: {move.get('message')}"),
}
