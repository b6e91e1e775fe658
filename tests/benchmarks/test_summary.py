"""What a run says in the end, and how it is shown."""

from io import StringIO

from rich.console import Console

from benchmarks.figures import Spread
from benchmarks.measurement import Counts, Measurement
from benchmarks.metrics import SAGAS, best_limit
from benchmarks.summary import Summary, summarised
from benchmarks.tables import tables
from benchmarks.work import Flow
from tests.benchmarks.made import burst, limit, singles

TITLES = {"ours": "ours, prefork 2", "ours-threads": "ours, threads", "laid-out": "a backlog", "peer": "a peer"}


def of(*measurements: Measurement) -> Summary:
    return summarised(list(measurements), ["ours", "ours-threads", "laid-out"], ["peer"], apart=["laid-out"])


def shown(summary: Summary) -> str:
    console = Console(file=StringIO(), width=300)
    for table in tables(summary, TITLES):
        console.print(table)
    text = console.file.getvalue()
    assert isinstance(text, str)
    return text


def test_ours_is_compared_with_each_peer_round_by_round():
    summary = of(
        burst("ours", 1, seconds=1.0),
        burst("ours", 2, seconds=4.0),
        burst("peer", 1, seconds=4.0),
        burst("peer", 2, seconds=8.0),
    )
    assert summary.ratios["ours"]["peer"]["steps_well"] == Spread(3.0, 2.0, 4.0, 2)


def test_the_two_flows_are_not_mixed():
    summary = of(burst("ours", 1, seconds=1.0), burst("ours", 1, Flow.REFUSED, seconds=2.0))
    assert summary.figures["ours"]["sagas_well"] == Spread(100.0, 100.0, 100.0, 1)
    assert summary.figures["ours"]["sagas_refused"] == Spread(50.0, 50.0, 50.0, 1)


def test_a_round_with_a_missing_result_is_left_out_and_told():
    summary = of(burst("peer", 1), burst("peer", 2, confirmed=99), burst("peer", 3))
    assert summary.figures["peer"]["sagas_well"] == Spread(100.0, 100.0, 100.0, 2, missing=1)
    assert "1 without" in shown(summary)


def test_the_best_of_ours_is_not_the_one_whose_work_was_laid_out_beforehand():
    summary = of(burst("ours", seconds=2.0), burst("ours-threads", seconds=1.0), burst("laid-out", seconds=0.1))
    assert summary.best == "ours-threads"
    assert "laid-out" not in summary.ratios


def test_the_limit_is_the_best_number_of_clients_of_each_round():
    measurements: list[Measurement] = [limit(1), limit(8), limit(4, number=2), limit(8, number=2, confirmed=1)]
    assert best_limit(measurements, "one statement") == {1: 8000.0, 2: 4000.0}
    summary = of(burst("ours"), burst("laid-out", seconds=0.125), *measurements[:2])
    assert summary.limit_ratios["ours"]["one statement"].median == 500 / 8000
    assert summary.limit_ratios["laid-out"]["one statement"].median == 0.5


def test_the_tables_name_every_system_and_its_figures():
    counts = Counts(system="ours", flow=Flow.WELL, statements=1.25, transactions=1.0, flushes=0.5)
    text = shown(of(burst("ours"), singles("ours"), burst("peer", seconds=0.5), limit(16), counts))
    for there in ("ours, prefork 2", "a peer", SAGAS.title, "100", "200", "0.50×", "16,000", "1.25", "50.0"):
        assert there in text


def test_a_system_without_any_figure_is_shown_as_such():
    assert "a peer" in shown(of(burst("ours")))
