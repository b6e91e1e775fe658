"""The keys that participants see."""

import uuid


def action_key(saga: uuid.UUID, path: str, item: int, generation: int) -> str:
    """The idempotency key of an action: the same for all attempts of one generation."""
    return f"{saga}:{path}:{item}:{generation}"


def compensation_key(action: str, undo_round: int) -> str:
    """The idempotency key of a compensation; a late success that is undone once more gets a new one."""
    return f"{action}:undo" if undo_round <= 1 else f"{action}:undo:{undo_round}"
