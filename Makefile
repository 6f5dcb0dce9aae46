# Everything a newcomer or a continuous-integration run types. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ONCE ?=
DIR ?=
STRINGS ?=
PAGES ?=
PYTHONS ?=
WHERE ?=
FAULTS := tests/faults/results.json
# Each process begins with a part of its own and takes from the others' ends: one starts Spark, not all.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist worksteal

UNITS := -m "not fleet and not faults and not compose" $(PARALLEL)

# The first Python on the PATH that will do; `make PYTHON=/path/to/python …` chooses another.
WILL_DO := 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c $(WILL_DO) >/dev/null 2>&1 && { echo "$$p"; break; }; done)
NEEDS := Cauce needs Python 3.11, 3.12 or 3.13 (3.14 was not run yet)

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "$(NEEDS): install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c $(WILL_DO) || { echo "$(NEEDS), and $(PYTHON) is another: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing what Cauce needs into $(VENV) (the first time takes a minute or two)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

.PHONY: venv
venv: $(READY) ## The virtual environment, from the lock file

.PHONY: fit
fit:
	@case "$$(uname -s) $$(uname -m)" in "Linux x86_64"|"Linux amd64") ;; *) \
	echo "error: the fleet as plain processes is for Linux on x86-64, and this is $$(uname -s) on $$(uname -m)"; \
	echo "  try: start it with Docker instead: python3 compose/new_key.py demo >> compose/.env; docker compose -f compose/compose.yaml up --build"; \
	exit 1;; esac

.PHONY: demo
demo: fit $(READY) ## The whole fleet with example documents; stays up until Ctrl-C (ONCE=1: checks, stops, exits)
	@$(BIN)/cauce demo $(if $(ONCE),--once)

.PHONY: test
test: $(READY) ## Lint, types and every test but the slow fault runs
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pytest $(UNITS); units=$$?; \
	$(BIN)/python -m compose.local.prepare; \
	$(BIN)/pytest -m "fleet and not faults and not compose" && test $$units = 0

.PHONY: test-units
test-units: $(READY) ## The tests that need no servers
	@$(BIN)/pytest $(UNITS)

.PHONY: test-pythons
test-pythons: $(READY) ## Those on every Python that is found, a line each (PYTHONS="3.12 3.13.0": on these)
	@$(BIN)/python -m tests.everywhere.pythons "$(PYTHONS)" $(UNITS)

.PHONY: test-elsewhere
test-elsewhere: $(READY) ## Those as an ordinary user, under odd paths, umask 077, … (WHERE="umask home": under these)
	@$(BIN)/python -m tests.everywhere.elsewhere $(if $(filter command%,$(origin PYTHON)),--python "$(PYTHON)") $(WHERE)

.PHONY: test-faults
test-faults: $(READY) ## Every fault caused for real (about an hour); fills the table in docs/guarantees.md
	@rm -f $(FAULTS)
	@$(BIN)/pytest -m faults --ignore tests/faults --timeout 1800; others=$$?; \
	CAUCE_FAULT_RESULTS=$(FAULTS) $(BIN)/pytest tests/faults; faults=$$?; \
	$(BIN)/python -m tests.faults.table $(FAULTS) && test "$$others $$faults" = "0 0"

.PHONY: test-compose
test-compose: $(READY) ## The compose files for real, with podman or Docker (skips where neither is)
	@$(BIN)/pytest -m compose --timeout 1800

.PHONY: test-mutants
test-mutants: $(READY) ## Removes each safeguard of the guarantee in turn, and sees that a test fails
	@$(BIN)/python -m tests.mutants

.PHONY: soak
soak: $(READY) ## The stores away for ten minutes; half an hour of load in which nothing may grow
	@$(BIN)/python -m tests.soak

.PHONY: lint
lint: $(READY) ## Formatting and lint rules
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

.PHONY: types
types: $(READY) ## Static types
	@$(BIN)/mypy

.PHONY: fmt
fmt: $(READY) ## Formats the code and mends what can be mended
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

.PHONY: bench-e2e
bench-e2e: $(READY) ## Documents and chunks per second, and the time from POST to complete
	@$(BIN)/python -m benchmarks.end_to_end

.PHONY: bench-start
bench-start: $(READY) ## What `cauce up` spends its time on, cold and warm, until an event is in its window in MySQL
	@$(BIN)/python -m benchmarks.start

.PHONY: bench-idle
bench-idle: $(READY) ## What a fleet takes while nobody uses it: processor and memory of each part
	@$(BIN)/python -m benchmarks.idle

.PHONY: bench-docs
bench-docs: $(READY) ## Pages and chunks per second beside the bare parser and model; documents per second end to end
	@$(BIN)/python -m benchmarks.documents

.PHONY: bench-windows
bench-windows: $(READY) ## From an event to its window, in Real-Time Mode and in micro-batches; how fast a backlog drains
	@$(BIN)/python -m benchmarks.windows

.PHONY: bench-recovery
bench-recovery: $(READY) ## What the duration of a batch in Real-Time Mode costs, while all is well and after a crash
	@$(BIN)/python -m benchmarks.recovery

.PHONY: bench-embedding
bench-embedding: $(READY) ## How much of an embedding API's rate is used, and how often it refuses (a minute)
	@$(BIN)/python -m benchmarks.embedding

.PHONY: bench-sinks
bench-sinks: $(READY) ## How fast db_writer drains its topics into MariaDB and MongoDB, beside bare loops
	@$(BIN)/python -m benchmarks.sinks

.PHONY: bench-objects
bench-objects: $(READY) ## What it costs that stored objects are on the disk before anybody hears of them
	@$(BIN)/python -m benchmarks.objects

BENCH_VENV := .venv-bench
$(BENCH_VENV)/.ready: $(READY) requirements/bench.lock
	@test -x $(BENCH_VENV)/bin/python || $(BIN)/python -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/bench.lock
	@touch $@

.PHONY: bench-loop
bench-loop: $(BENCH_VENV)/.ready ## Records per second through the consume loop, beside other libraries and bare loops
	@$(BIN)/python -m benchmarks.loop

.PHONY: report-documents
report-documents: $(READY) ## What is found of documents with known content (DIR=FOLDER, STRINGS=0.95, PAGES=0.95)
	@$(BIN)/python -m benchmarks.report_documents $(if $(DIR),"$(DIR)") $(if $(STRINGS),--strings $(STRINGS)) $(if $(PAGES),--pages $(PAGES))

.PHONY: screenshots
screenshots: $(READY) ## docs/images from the running fleet (URL=http://127.0.0.1:8501), with a Chromium that is there
	@$(BIN)/python -m docs.screenshots $(or $(URL),http://127.0.0.1:8501)

.PHONY: docs
docs: $(READY) ## The pages that are made from the code
	@$(BIN)/python -m docs.generate

COMPILE := uv pip compile --excludes requirements/excluded.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
LOCK := $(COMPILE) pyproject.toml
.PHONY: lock
lock: ## Resolves the lock files anew (needs uv)
	$(LOCK) -o requirements/services.lock
	$(LOCK) --extra streaming -o requirements/streaming.lock
	$(LOCK) --extra local -o requirements/local.lock
	$(LOCK) --extra dashboard -o requirements/dashboard.lock
	$(LOCK) --extra streaming --extra dashboard --extra local --extra dev -o requirements/dev.lock
	$(COMPILE) requirements/bench.in -o requirements/bench.lock

.PHONY: clean
clean: ## Removes the virtual environment, caches, and a stopped fleet's state
	@test ! -x $(BIN)/cauce || $(BIN)/cauce down --wipe
	@rm -rf build $(VENV) $(BENCH_VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
