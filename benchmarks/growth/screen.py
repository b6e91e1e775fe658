"""What the person at the terminal sees: a bar while the run lasts, and tables at its end."""

from collections.abc import Iterator, Sequence
from statistics import median

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.growth.figures import STARTS, Beside, Looked, Timed, middle, names, ratios
from benchmarks.growth.size import EMPTY, Size


def bar() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns)


def tables(measured: list[Timed], starts: list[Beside], seen: list[Looked], sizes: Sequence[Size]) -> Iterator[Table]:
    """Rates and their ratios, what a start costs beside its insert, then the plans."""
    yield _rates(measured, sizes)
    yield _starts(starts, sizes)
    yield _plans(seen, sizes)


def _rates(measured: list[Timed], sizes: Sequence[Size]) -> Table:
    table = Table(title="How fast, as medians of the rounds; ×: times the rate over empty tables", title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(size.name, justify="right")
    for act in names(measured):
        cells = []
        for size in sizes:
            seconds = middle(measured, act, size.name) or 0.0
            ratio = "" if size == EMPTY else f"  {median(ratios(measured, act, size.name)):.2f} ×"
            cells.append(f"{_told(seconds)}{ratio}")
        table.add_row(act, *cells)
    return table


def _starts(starts: list[Beside], sizes: Sequence[Size]) -> Table:
    title = "What starts cost: the median of one, how many times that of what the database does for it, done in turn"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(size.name, justify="right")
    for act, bare in STARTS.items():
        cells = [
            f"{median(one.times for one in starts if (one.act, one.size) == (act, size.name)):.1f} ×" for size in sizes
        ]
        table.add_row(f"{act}, of {bare}", *cells)
    return table


def _told(seconds: float) -> str:
    return f"{1 / seconds:,.0f}/s" if seconds < 0.002 else f"{seconds * 1000:,.1f} ms"


def _plans(seen: list[Looked], sizes: Sequence[Size]) -> Table:
    title = "What one reads, in blocks of 8 KiB, and by which indexes over the fullest tables"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(size.name, justify="right")
    table.add_column("by")
    for act in dict.fromkeys(one.act for one in seen):
        by_size = {one.size: one for one in seen if one.act == act}
        last = by_size[sizes[-1].name]
        through = "".join(f" [red]all of {table}[/red]" for table in last.read_through)
        blocks = [f"{by_size[size.name].blocks:,}" for size in sizes]
        table.add_row(act, *blocks, ", ".join(last.indexes) + through)
    return table
