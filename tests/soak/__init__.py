"""The soak: a whole installation under load, disturbed every few seconds, and judged by a checker that knows no engine.

    make soak-short     a minute and a half of faults, every kind at least once; part of `make test`
    make soak           20 minutes, 10,000 sagas, 170 faults and more
    make soak-naive     the same load and faults on plain Celery chains with `link_error`

scene      what runs: web, workers, beats, Redis, PostgreSQL, participants, and the proxy between them
supervisor starts again what died, as honcho or systemd would
load       sagas started over REST, and the people and services who signal, decide, cancel and repair
faults     what is done to it all, by a plan that a seed makes
samples    what is looked at all the while: transactions, memory, secrets, counts
checker    reads database and ledgers with SQL of its own, and says what does not hold
report     the figures, the charts, and a page with both
"""
