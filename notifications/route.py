"""Through which channels a notification goes, in which order, and why not through the others.

A pure decision over what is known; `known` looks that up. It is made anew at every attempt, since receivers change
their minds and addresses die while a message waits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from notifications.lifecycle import Status


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A channel that is open, and the address in it."""

    channel: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A channel that is not taken, and why: `status` is how a notification ends that has no other."""

    channel: str
    status: Status
    why: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a receiver that bears on the way to it."""

    addresses: Mapping[str, str]
    """By channel."""
    dead: Mapping[str, str] = field(default_factory=dict)
    """Channels whose address is suppressed, with the reason."""
    unwanted: Collection[str] = ()
    """Channels that the receiver does not want for this category."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """The channels to take, one after the other, and the ones that are not."""

    legs: tuple[Leg, ...]
    closed: tuple[Closed, ...]

    def after(self, tried: Collection[str]) -> Leg | None:
        """The first one that was not tried."""
        return next((leg for leg in self.legs if leg.channel not in tried), None)


def route(asked: Sequence[str] | None, offered: Sequence[str], facts: Facts, *, mandatory: bool) -> Route:
    """Decide. `asked` are the channels of the request, None for every one that fits; `offered` are the service's own.

    A dead address is never used. What the receiver does not want is skipped, unless the category is mandatory.
    """
    legs: list[Leg] = []
    closed: list[Closed] = []
    for channel in offered if asked is None else asked:
        address = facts.addresses.get(channel)
        if channel not in offered:
            closed.append(Closed(channel=channel, status=Status.FAILED, why="No provider serves this channel."))
        elif address is None:
            if asked is not None:
                closed.append(Closed(channel=channel, status=Status.FAILED, why="There is no address for it."))
        elif channel in facts.dead:
            closed.append(Closed(channel=channel, status=Status.SUPPRESSED, why=facts.dead[channel]))
        elif channel in facts.unwanted and not mandatory:
            closed.append(Closed(channel=channel, status=Status.SKIPPED, why="The receiver does not want it here."))
        else:
            legs.append(Leg(channel=channel, address=address))
    return Route(legs=tuple(legs), closed=tuple(closed))
