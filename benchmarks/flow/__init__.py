"""The order as a saga of ours: a Django app that the benchmark plugs in with `APPS=benchmarks.flow`."""
