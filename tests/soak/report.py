"""The report: figures as JSON, and a page in Markdown with the charts beside it."""

import json
from pathlib import Path

from tests.soak.checker.verdict import Verdict
from tests.soak.soak import Soak


def write(folder: Path, soak: Soak, verdict: Verdict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.json"
    page.write_text(
        json.dumps(
            {"seen": verdict.seen, "failures": verdict.failures, "figures": verdict.figures}, indent=1, default=str
        )
    )
    return page
