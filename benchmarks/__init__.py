"""Measurements of the coordinator beside its peers; `make bench` runs them."""
