"""`python -m benchmarks.waiting.start NUMBER`: begin so many sagas; ends when all are accepted and rung for."""

import sys

import django

django.setup()

from benchmarks.waiting.sagas import NAME  # noqa: E402 - after the setup
from sagas import operations  # noqa: E402

for _ in range(int(sys.argv[1])):
    operations.start(NAME, {}, actor="benchmark")
