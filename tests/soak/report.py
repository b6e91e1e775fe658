"""The report of a run: its figures as JSON, three charts, and a page in Markdown that shows both."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.soak.charts import Chart, Mark
from tests.soak.checker.course import percentile
from tests.soak.checker.verdict import Verdict
from tests.soak.profile import TAKEN_OVER_WITHIN
from tests.soak.soak import Soak, elapsed

BUCKETS = 60
CLASSES = 20


def write(folder: Path, soak: Soak, verdict: Verdict) -> Path:
    """Write it all into the folder; the page."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = figures_of(soak, verdict)
    (folder / "report.json").write_text(json.dumps(figures, indent=1, default=str))
    charts = {
        "throughput": throughput(soak),
        "live": live(soak),
        "take-overs": take_overs(verdict),
    }
    for name, chart in charts.items():
        (folder / f"{name}.svg").write_text(str(chart))
    page = folder / "report.md"
    page.write_text(markdown(soak, verdict, figures, list(charts)))
    return page


def figures_of(soak: Soak, verdict: Verdict) -> dict[str, Any]:
    """Everything that was counted and measured."""
    calm = [each.seconds for each in verdict.take_overs if each.undisturbed]
    deeds = Counter(f"{deed.verb} {deed.status} {deed.code}".strip() for deed in soak.promises.deeds)
    told = Counter(f"{told.status} {told.code}".strip() for told in soak.promises.told)
    return {
        "profile": soak.profile.name,
        "seed": soak.seed,
        "seen": verdict.seen,
        "failures": verdict.failures,
        "sums": [{"name": each.name, "looked at": each.looked_at, "wrong": each.violations} for each in verdict.sums],
        "kinds": dict(Counter(fault.kind for fault in soak.faults)),
        "faults": [asdict(fault) for fault in soak.faults],
        "take-overs": [asdict(each) for each in verdict.take_overs],
        "take-over p50 and p99, undisturbed, s": [percentile(calm, 0.5), percentile(calm, 0.99)],
        "shapes": dict(soak.promises.shapes),
        "what people did": dict(deeds),
        "signals": dict(told),
        "restarts": soak.scene.supervisor.restarts,
        **verdict.figures,
    }


def throughput(soak: Soak) -> Chart:
    """How many sagas ended in each second, with the faults marked."""
    counts = soak.sampler.counts
    whole = _seconds(soak, counts[-1].at) if counts else 1.0
    width, ended = whole / BUCKETS, [0.0] * BUCKETS
    for before, after in pairwise(counts):
        ended[min(int(_seconds(soak, after.at) / width), BUCKETS - 1)] += max(after.ended - before.ended, 0)
    heights = [number / width for number in ended]
    chart = Chart("Sagas that ended", whole, max(heights, default=1), unit="seconds", measure="in a second")
    chart.marks(marks_of(soak))
    chart.bars(heights)
    return chart


def live(soak: Soak) -> Chart:
    """How many sagas were under way."""
    points = [(_seconds(soak, count.at), float(count.live)) for count in soak.sampler.counts]
    high = max((y for _, y in points), default=1.0)
    chart = Chart("Sagas under way", points[-1][0] if points else 1, high, unit="seconds", measure="sagas")
    chart.marks(marks_of(soak))
    chart.line(points)
    return chart


def take_overs(verdict: Verdict) -> Chart:
    """How long it took until what a dead worker held was begun anew."""
    found = [each.seconds for each in verdict.take_overs]
    across = max([*found, TAKEN_OVER_WITHIN.total_seconds()]) * 1.1
    classes = [0.0] * CLASSES
    for seconds in found:
        classes[min(int(seconds / across * CLASSES), CLASSES - 1)] += 1
    chart = Chart("Take-overs", across, max(classes, default=1), unit="seconds", measure="take-overs")
    chart.bars(classes)
    chart.limit(TAKEN_OVER_WITHIN.total_seconds(), "promised")
    return chart


def marks_of(soak: Soak) -> list[Mark]:
    """The faults, for a chart over time."""
    return [
        Mark(_seconds(soak, fault.began), _seconds(soak, fault.ended), f"{fault.kind} {fault.note}")
        for fault in soak.faults
    ]


def markdown(soak: Soak, verdict: Verdict, figures: dict[str, Any], charts: Sequence[str]) -> str:
    """The page."""
    outcome = f"{len(verdict.failures)} things are wrong" if verdict.failures else "All promises held"
    seen = "".join(f"| {name} | {number} |\n" for name, number in verdict.seen.items())
    sums = "".join(f"| {each.name} | {each.looked_at} | {len(each.violations) or ''} |\n" for each in verdict.sums)
    faults = "".join(
        f"| {elapsed(soak.began, fault.began)} | {elapsed(soak.began, fault.ended)} | {fault.kind} | {fault.note} |\n"
        for fault in soak.faults
    )
    failures = "".join(f"* {sentence}\n" for sentence in verdict.failures)
    loose = figures["without the barrier"]
    return (
        f"# Soak, {soak.began:%Y-%m-%d %H:%M} UTC\n\n{outcome}.\n\n{failures}\n"
        f"Replay the plan: `python -m tests.soak --profile {soak.profile.name} --seed {soak.seed}`\n\n"
        f"| seen | number |\n|---|---|\n{seen}\n"
        + "".join(f"![{name}]({name}.svg)\n\n" for name in charts)
        + f"Take-over, undisturbed: p50 and p99 {figures['take-over p50 and p99, undisturbed, s']} s.\n\n"
        f"The participant without the barrier had {loose['effects']} effects under {loose['keys']} keys: "
        f"{loose['doubled']} were doubled. That is what at least once means; the barrier is what prevents it.\n\n"
        f"| what must be so | looked at | wrong |\n|---|---|---|\n{sums}\n"
        f"| from | to | fault | met |\n|---|---|---|---|\n{faults}"
    )


def _seconds(soak: Soak, at: datetime) -> float:
    return (at - soak.began).total_seconds()
