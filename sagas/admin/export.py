"""What the list shows, all of it, as a file: CSV for a spreadsheet, JSON for a script."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from gateway.borrowing import borrowed
from sagas.models import Incident, Saga
from sagas.models.saga import SagaQuerySet
from sagas.record.sight import Sight

CHUNK = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these, too
COLUMNS = (
    "id",
    "definition",
    "version",
    "business_key",
    "state",
    "created_at",
    "ended_at",
    "open_incidents",
    "step",
    "reason",
    "reason_code",
    "sentence",
)


def exported(found: SagaQuerySet, kind: str, sight: Sight) -> StreamingHttpResponse:
    """A file with one line for each saga, with its oldest open incident; it is read in pieces, whatever its size."""
    found_lines = _lines(found, sight)
    is_csv = kind == "csv"
    lines = _csv(found_lines) if is_csv else _json(found_lines)
    mime = "text/csv; charset=utf-8" if is_csv else "application/json"
    answer = StreamingHttpResponse(lines, content_type=mime)
    answer["Content-Disposition"] = f'attachment; filename="sagas.{kind}"'
    answer["Cache-Control"] = "no-store"
    return answer


def harmless(value: Any) -> Any:
    """The cell as text: a spreadsheet would run what begins like a formula."""
    text = "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Echo:
    """What a CSV writer writes to; it gives the line back."""

    def write(self, line: str) -> str:
        return line


def _csv(lines: Iterator[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for line in lines:
        yield writer.writerow([harmless(line[name]) for name in COLUMNS])


def _json(lines: Iterator[dict[str, Any]]) -> Iterator[str]:
    begin = "[\n"
    for line in lines:
        yield begin + json.dumps(line, default=str, ensure_ascii=False)
        begin = ",\n"
    yield "[]\n" if begin == "[\n" else "\n]\n"


def _lines(found: SagaQuerySet, sight: Sight) -> Iterator[dict[str, Any]]:
    """Piece by piece along the ids, and no connection is held while somebody downloads slowly."""
    before = None
    while True:
        with borrowed():
            rows = found.order_by("-id") if before is None else found.order_by("-id").filter(pk__lt=before)
            sagas = list(rows[:CHUNK])
            oldest: dict[Any, Incident] = {}
            for incident in Incident.objects.open().filter(saga__in=sagas).order_by("-opened_at"):
                oldest[incident.saga_id] = sight.look(incident)
        yield from (_line(saga, oldest.get(saga.pk)) for saga in sagas)
        if len(sagas) < CHUNK:
            return
        before = sagas[-1].pk


def _line(saga: Saga, incident: Incident | None) -> dict[str, Any]:
    own = {name: getattr(saga, name) for name in COLUMNS[:8]}
    why = ("path", "reason", "reason_code", "sentence")
    return own | {
        column: getattr(incident, name) if incident else None for column, name in zip(COLUMNS[8:], why, strict=True)
    }
