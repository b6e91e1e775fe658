# Everything that developers and CI run. Each command makes .venv from the lock when it is missing or older than the lock.

PYTHON ?= python3
BIN := .venv/bin
LOCKED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-waiting bench-growth up lock services

help: ## explain these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(LOCKED) ## show a shop's orders, with a declined payment and a killed worker
	@$(BIN)/python -m examples.shop.demo

.PHONY: demo-events
demo-events: $(LOCKED) ## orders that arrive on RabbitMQ, and services that take part by events only
	@$(BIN)/python -m examples.events.demo

test: $(LOCKED) services ## run all tests: on SQLite, on PostgreSQL, and with real processes
	@$(BIN)/python -m tests.harness.passes $(PASS)

check: $(LOCKED) ## lint, check the format, the types, the settings and the migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn > /dev/null

bench: $(LOCKED) services ## measure the coordinator beside its peers; ARGS=--quick leaves most of them out
	@$(BIN)/python -m benchmarks $(ARGS)

bench-waiting: $(LOCKED) services ## measure the pools with steps that wait; ARGS=--sound disturbs them instead
	@$(BIN)/python -m benchmarks.waiting $(ARGS)

bench-growth: $(LOCKED) services ## measure over a million ended sagas; ARGS=--quick stops at ten thousand
	@$(BIN)/python -m benchmarks.growth $(ARGS)

.PHONY: schedules schedules-pg
schedules: $(LOCKED) ## seeded schedules of workers, people and faults; MINUTES=30, or ARGS="--seed 5f3a:17" replays one
	@$(BIN)/python -m tests.schedules --minutes $(or $(MINUTES),5) $(ARGS)

schedules-pg: $(LOCKED) services ## the same inside PostgreSQL's transactions, before each statement
	@$(BIN)/python -m tests.schedules --postgres --minutes $(or $(MINUTES),5) $(ARGS)

.PHONY: soak soak-short soak-naive
soak: $(LOCKED) services ## 20 minutes of load and faults on real processes, judged; ARGS="--seed 1" replays a plan
	@$(BIN)/python -m tests.soak --profile standard $(ARGS)

soak-short: $(LOCKED) services ## the same for a minute and a half; part of `make test`
	@$(BIN)/python -m tests.soak --profile short $(ARGS)

soak-naive: $(LOCKED) services ## the same load and faults on plain Celery chains, to see what the difference is worth
	@$(BIN)/python -m tests.soak.naive $(ARGS)

.PHONY: crashes
crashes: $(LOCKED) ## let workers die at every boundary, and at every two; ARGS="linear refuses" chooses, --singles leaves pairs out
	@$(BIN)/python -m tests.crashes $(ARGS)

.PHONY: fuzz fuzz-api blackbox
fuzz: $(LOCKED) ## send hostile input for a while: MINUTES=10, and the whole corpus before it
	CHANCE=new FUZZ_SAMPLE=0 FUZZ_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest tests/hostile -q -p no:logging -n 2

fuzz-api: $(LOCKED) ## send to every call what its description allows, and what it does not: EXAMPLES=100
	CHANCE=new API_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest tests/sagas/api/test_fuzz.py -q -p no:logging -n 2

blackbox: $(LOCKED) ## lead sagas through random lives over REST: LIVES=500
	CHANCE=new BLACKBOX=$(or $(LIVES),500) $(BIN)/python -m pytest tests/blackbox -q -p no:logging -n 2

.PHONY: pictures
pictures: $(LOCKED) services ## photograph the console for the documentation, on a real installation
	PICTURES=docs/pictures $(BIN)/python -m pytest tests/acceptance/test_console.py -q -p no:randomly

up: $(LOCKED) ## run the coordinator and the notification service, a process each, for looking around
	@$(BIN)/honcho -e /dev/null -f Procfile.up start

lock: $(LOCKED) ## pin the newest allowed versions of all dependencies, with hashes
	@$(BIN)/python -m tests.harness.lock

services: ## install PostgreSQL, Redis and RabbitMQ for the tests, on Debian as root; else say what is missing
	@bash tests/harness/services.sh

$(LOCKED): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@echo "Installing the dependencies into .venv ..."
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
