"""What must be so while it goes on: take-overs and starts in time, no old transactions, no creep."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from tests.soak.checker.record import Story
from tests.soak.checker.sums import Sums
from tests.soak.disturbed import AFTERWARDS, Disturbance, touched, was_disturbed
from tests.soak.kinds import Part
from tests.soak.profile import (
    ACCEPTED_AT_LEAST,
    ANSWERED_WITHIN,
    OLDEST_TRANSACTION,
    TAKEN_OVER_WITHIN,
)
from tests.soak.promises import Promises, Start
from tests.soak.samples import Memory, Transaction
from tests.soak.site import Loss

LEAVE_FEW = ("garbage", "rolling deploy", "clock off")
"""Faults that may leave nobody who could take over: several workers end at once, or are being started."""
BEGINS = ("claimed", "asked", "decides", "parked")
"""What is parked goes as far as it may while its participant is held."""
SETTLED = timedelta(minutes=2)
OLD_ENOUGH = timedelta(minutes=5)
CREEP = 1.3
CREEP_MB = 30.0
SLOWEST = 5
LENIENT = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    """How long it took until a lost attempt was taken back, and until it was begun anew, in seconds.

    `undisturbed`: the database answered all the while, and nobody took other workers, too.
    """

    kind: str
    at: datetime
    step: str
    taken_back: float
    seconds: float
    undisturbed: bool


def take_overs(
    losses: Sequence[Loss], stories: dict[str, Story], faults: Sequence[Disturbance], sums: Sums
) -> list[TakeOver]:
    """By the database's times: from the kill to the claim of the next attempt of each step that was lost."""
    found = []
    for loss in losses:
        for run in loss.runs:
            story = stories.get(str(run["saga_id"]))
            after = list(_moves_after(story, run)) if story else []
            begun = next((at for at, did in after if did in BEGINS), None)
            sums["what dead workers held is taken over"].see(after, f"{loss.kind}: {run} was never taken from it")
            if begun is not None:
                found.append(_take_over(loss, run, after[0][0], begun, faults))
    return found


def _take_over(
    loss: Loss, run: dict[str, Any], taken: datetime, begun: datetime, faults: Sequence[Disturbance]
) -> TakeOver:
    return TakeOver(
        kind=loss.kind,
        at=loss.at,
        step=f"{run['saga_id']} {run['path']}",
        taken_back=(taken - loss.at).total_seconds(),
        seconds=(begun - loss.at).total_seconds(),
        undisturbed=_is_undisturbed(loss, begun, faults),
    )


def _is_undisturbed(loss: Loss, begun: datetime, faults: Sequence[Disturbance]) -> bool:
    others = [fault for fault in faults if fault.kind in LEAVE_FEW]
    return not was_disturbed(faults, Part.DATABASE, loss.at, begun) and not was_disturbed(
        others, Part.WORKERS, loss.at, begun
    )


def _moves_after(story: Story, run: dict[str, Any]) -> Iterator[tuple[datetime, str]]:
    """What became of a step after the attempt that was lost: when, and what."""
    for entry in story.journal:
        for move in entry.moves:
            same = "fence" in move and (move["step"], move["item"]) == (run["path"], run["item"])
            if same and move["fence"] > run["fence"]:
                yield entry.at, move["did"]


def punctual(found: Sequence[TakeOver], sums: Sums, *, bounds: bool) -> None:
    """The 99th percentile is within what is promised; a short run has a handful, and says only that none is lost."""
    calm = [each.seconds for each in found if each.undisturbed]
    bound = TAKEN_OVER_WITHIN if bounds else LENIENT
    p99 = percentile(calm, 0.99)
    sums["take-over in time"].see(
        p99 is None or p99 <= bound.total_seconds(), f"the 99th percentile of {len(calm)} take-overs is {p99} s"
    )


def starts_without_broker(
    promises: Promises, faults: Sequence[Disturbance], sums: Sums, *, bounds: bool
) -> dict[str, Any]:
    """While only the broker is out: starts are accepted at the first try, and soon."""
    alone, calm = [], []
    for start in promises.starts:
        ended = start.at + timedelta(seconds=start.seconds)
        if touched(faults, start.at - AFTERWARDS, ended) & {Part.WEB, Part.DATABASE}:
            continue  # a pool that lost its connections takes a moment
        if Part.BROKER in touched(faults, start.at, ended):
            alone.append(start)
        elif not touched(faults, start.at, ended):
            calm.append(start.seconds)
    accepted = sum(start.first in (200, 201) for start in alone)
    p99, usual = percentile([start.seconds for start in alone], 0.99), percentile(calm, 0.99)
    sums["starts are accepted without a broker"].see(
        accepted >= ACCEPTED_AT_LEAST * len(alone), f"{accepted} of {len(alone)} were accepted at the first try"
    )
    if bounds and p99 is not None:
        sums["starts are soon accepted without a broker"].see(
            p99 <= ANSWERED_WITHIN.total_seconds(),
            f"the 99th percentile is {p99:.3f} s; with nothing wrong it is {usual}",
        )
    slowest = sorted(alone, key=lambda start: -start.seconds)[:SLOWEST]
    return {
        "starts": len(alone),
        "accepted": accepted,
        "p99": p99,
        "p99 with nothing wrong": usual,
        "slowest": [[round(start.seconds, 3), *_kinds(faults, start)] for start in slowest],
    }


def _kinds(faults: Sequence[Disturbance], start: Start) -> list[str]:
    ended = start.at + timedelta(seconds=start.seconds)
    return [fault.kind for fault in faults if fault.overlaps(start.at, ended)]


def transactions(samples: Sequence[Transaction], faults: Sequence[Disturbance], looks: int, sums: Sums) -> list[str]:
    """None older than five seconds, but for those whose connection or process a fault held; those are told."""
    old = sums["no transaction is older than 5 s"]
    old.looked_at += looks - len(samples)
    excused = []
    for sample in samples:
        began = sample.at - sample.age - timedelta(seconds=1)
        reasons = [
            fault.kind
            for fault in faults
            if fault.overlaps(began, sample.at)
            and (Part.DATABASE in fault.touches or fault.note.startswith(f"{sample.name}:"))
        ]
        sentence = f"{sample.name}, {sample.state} for {sample.age.total_seconds():.1f} s: {sample.statement}"
        old.see(sample.age <= OLDEST_TRANSACTION or reasons, sentence)
        if reasons:
            excused.append(f"{sentence} ({reasons[0]})")
    return excused


def memory(samples: Sequence[Memory], sums: Sums, *, bounds: bool) -> dict[str, tuple[float, float]]:
    """Each process that lived long: what it had when it had settled, and at last, in megabytes."""
    lives: dict[tuple[str, int], list[Memory]] = defaultdict(list)
    for sample in samples:
        lives[sample.name, sample.pid].append(sample)
    found = {}
    for (name, pid), life in lives.items():
        if life[-1].at - life[0].at < OLD_ENOUGH:
            continue
        early = median(each.megabytes for each in life if SETTLED <= each.at - life[0].at <= SETTLED * 1.5)
        late = median(each.megabytes for each in life[-10:])
        found[f"{name} ({pid})"] = (early, late)
        if bounds:
            crept = late > early * CREEP and late > early + CREEP_MB
            sums["memory does not creep"].see(not crept, f"{name} had {early:.0f} MB, and {late:.0f} MB at last")
    return found


def percentile(values: Sequence[float], part: float) -> float | None:
    """The value that so large a part does not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else None
