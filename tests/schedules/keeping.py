"""Failing schedules are kept as JSON under `found/`, and played again for ever."""

import json
from dataclasses import asdict
from pathlib import Path

from tests.schedules.plan import Plan
from tests.schedules.schedule import Played

FOUND = Path(__file__).parent / "found"


def keep(played: Played, folder: Path = FOUND) -> Path:
    """Write it down, under a name that its seed and its acts make."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{played.plan.seed.replace(':', '-')}.json"
    kept = {"wrong": played.wrong, "plan": asdict(played.plan), "acts": played.acts}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    return path


def kept(path: Path) -> tuple[Plan, list[str]]:
    """What was written down: a plan and its acts."""
    given = json.loads(path.read_text())
    return Plan.load(given["plan"]), given["acts"]
