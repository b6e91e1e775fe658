"""What one measurement says, and that it says nothing when a result is missing."""

import pytest

from benchmarks.work import Flow
from tests.benchmarks.made import burst, limit, singles


def test_a_burst_tells_sagas_and_steps_a_second():
    found = burst(seconds=2.0)
    assert found.rate == 50
    assert found.step_rate == 250
    assert found.processor_per_step == pytest.approx(0.001)


def test_compensations_and_the_refusal_count_as_steps():
    assert burst(flow=Flow.REFUSED).step_rate == 700


def test_a_burst_with_a_missing_result_has_no_rate():
    found = burst(confirmed=99)
    assert (found.rate, found.step_rate, found.processor_per_step) == (None, None, None)
    assert not found.is_whole


def test_percentiles_are_those_of_the_latencies():
    assert singles().percentile(50) == pytest.approx(0.050)
    assert singles().percentile(99) == pytest.approx(0.099)


def test_singles_with_a_missing_result_have_no_percentiles():
    assert singles(confirmed=100).percentile(50) is None


def test_the_limit_has_no_rate_when_rows_are_missing():
    assert limit(4).step_rate == 4000
    assert limit(4, confirmed=999).step_rate is None
