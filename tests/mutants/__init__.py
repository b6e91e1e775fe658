"""Mistakes put into the engine, one at a time, each of which the tests must find: what cannot fail proves nothing."""
