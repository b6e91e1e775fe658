"""What lanes and ranks cost at Redis: `python -m benchmarks.lanes`."""
