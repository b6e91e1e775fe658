"""What full tables cost: the coordinator over a million ended sagas, beside the same on empty tables.

A Django app that the benchmark plugs in with `APPS=benchmarks.growth`, for its definitions.
"""
