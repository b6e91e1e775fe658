"""Seeded schedules: workers, sweeps and people as actors that are switched at every statement, and a judge.

    python -m tests.schedules --minutes 30      many of them, on SQLite in memory
    make test PASS=schedules                    a minute of them, and all that ever failed

A schedule is a plan (the table, what its functions come to, which faults there may be) and a list of acts, each a few
words: "go w0.0" lets that actor go on to its next stop, "crash w1" kills that process. Both are JSON, and the same
plan with the same acts is the same run: time, identifiers and jitter come from the plan.
"""
