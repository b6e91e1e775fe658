"""A run's summary as tables for the terminal."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from benchmarks.figures import Spread
from benchmarks.metrics import COMPARED, METRICS
from benchmarks.summary import Summary
from benchmarks.work import Flow


def tables(summary: Summary, titles: Mapping[str, str]) -> Iterator[Table]:
    """The tables that have anything in them; `titles` says what a system is called."""
    if summary.figures:
        yield _figures(summary, titles)
    if summary.counts:
        yield _counts(summary, titles)
    if summary.limits:
        yield _limits(summary)
    for ours in dict.fromkeys(name for name in (*list(summary.ratios)[:1], summary.best) if name):
        if any(summary.ratios[ours].values()):
            yield _ratios(summary, ours, titles)
    if any(summary.limit_ratios.values()):
        yield _limit_ratios(summary, titles)


def number(value: float) -> str:
    """Three digits that count, and no more than people read."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def told(spread: Spread | None, times: str = "") -> str:
    """The median, below it the range, and in how many rounds there was none."""
    if spread is None:
        return "-"
    text = f"{number(spread.median)}{times}"
    if spread.rounds > 1:
        text += f"\n{number(spread.low)}-{number(spread.high)}"
    return text + (f"\n{spread.missing} without" if spread.missing else "")


def _figures(summary: Summary, titles: Mapping[str, str]) -> Table:
    table = _table(
        "Medians of the rounds, and from the lowest to the highest", "", *(metric.title for metric in METRICS)
    )
    for name, figures in summary.figures.items():
        table.add_row(titles[name], *(told(figures.get(metric.name)) for metric in METRICS))
    return table


def _counts(summary: Summary, titles: Mapping[str, str]) -> Table:
    heads = [f"{what}, {flow}" for flow in Flow for what in ("statements", "transactions", "flushes")]
    table = _table("What a step costs the database", "", *heads)
    for name, by_flow in summary.counts.items():
        cells = []
        for flow in Flow:
            found = by_flow.get(flow)
            three = (found.statements, found.transactions, found.flushes) if found else ()
            cells += [f"{one:.2f}" for one in three] or ["-"] * 3
        table.add_row(titles[name], *cells)
    return table


def _limits(summary: Summary) -> Table:
    clients = sorted({clients for by_clients in summary.limits.values() for clients in by_clients})
    table = _table("The limit: pgbench, steps/s by clients", "a step's writes in", *map(str, clients))
    for shape, by_clients in summary.limits.items():
        table.add_row(shape, *(told(by_clients.get(number)) for number in clients))
    return table


def _ratios(summary: Summary, ours: str, titles: Mapping[str, str]) -> Table:
    table = _table(f"{titles[ours]}: times the other's", "", *(metric.title for metric in COMPARED))
    for other, ratios in summary.ratios[ours].items():
        if ratios:
            table.add_row(titles[other], *(told(ratios.get(metric.name), "×") for metric in COMPARED))
    return table


def _limit_ratios(summary: Summary, titles: Mapping[str, str]) -> Table:
    table = _table("Steps/s, all well: times the limit at its best", "", *summary.limits)
    for name, ratios in summary.limit_ratios.items():
        table.add_row(titles[name], *(told(ratios.get(shape), "×") for shape in summary.limits))
    return table


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(heads[0])
    for head in heads[1:]:
        table.add_column(head, justify="right")
    return table
