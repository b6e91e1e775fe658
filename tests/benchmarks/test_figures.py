"""Medians, ranges and ratios, and what is missing."""

from benchmarks.figures import Spread, highest, ratio, spread


def test_a_spread_is_the_median_and_the_range_of_the_rounds():
    assert spread({1: 10.0, 2: 40.0, 3: 20.0}) == Spread(median=20.0, low=10.0, high=40.0, rounds=3)


def test_a_round_without_a_number_counts_as_missing_and_not_as_nothing():
    assert spread({1: 10.0, 2: None, 3: 20.0}) == Spread(median=15.0, low=10.0, high=20.0, rounds=2, missing=1)


def test_there_is_no_spread_when_every_round_lacks_a_result():
    assert spread({1: None, 2: None}) is None
    assert spread({}) is None


def test_a_ratio_compares_the_same_rounds_before_it_takes_the_median():
    assert ratio({1: 10.0, 2: 90.0, 3: 30.0}, {1: 1.0, 2: 30.0, 3: 15.0}) == Spread(3.0, 2.0, 10.0, 3)


def test_a_ratio_leaves_out_rounds_that_one_side_lacks():
    assert ratio({1: 10.0, 2: None, 3: 30.0}, {1: 5.0, 2: 5.0, 3: None}) == Spread(2.0, 2.0, 2.0, 1, missing=2)
    assert ratio({1: 10.0}, {2: 5.0}) is None


def test_the_highest_is_found_by_its_median():
    assert highest({"wild": {1: 1.0, 2: 99.0, 3: 2.0}, "steady": {1: 9.0, 2: 9.0}, "lost": {1: None}}) == "steady"
    assert highest({"lost": {1: None}}) is None
