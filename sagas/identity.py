"""Identities of sagas, and the keys that participants see."""

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then chance, so that new rows stand side by side."""
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    chance = int.from_bytes(os.urandom(10), "big")
    high = milliseconds << 16 | 0x7000 | chance >> 68
    low = 0b10 << 62 | chance & (1 << 62) - 1
    return uuid.UUID(int=high << 64 | low)


def action_key(saga: uuid.UUID, path: str, item: int, generation: int) -> str:
    """The idempotency key of an action: the same for all attempts of one generation."""
    return f"{saga}:{path}:{item}:{generation}"


def compensation_key(action: str, undo_round: int) -> str:
    """The idempotency key of a compensation; a late success that is undone once more gets a new one."""
    return f"{action}:undo" if undo_round <= 1 else f"{action}:undo:{undo_round}"
