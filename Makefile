# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := schemas services/common services/ingest services/recorder services/kpi-aggregator services/audit deploy/local sdk/python services/cli
SOURCES := schemas/pcare_schemas $(filter-out %.egg-info,$(wildcard services/*/pcare_*)) deploy/local/pcare_local sdk/python/pcare_client benchmarks
ARGS ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

$(READY): requirements/requirements.txt $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

.PHONY: install
install: $(READY) ## Make .venv with the locked dependencies

.PHONY: demo
demo: $(READY) ## Run the whole system on this machine; ARGS="--events 20000 --exit" for a run that checks itself
	@$(BIN)/pcare demo $(ARGS)

.PHONY: test
test: $(READY) ## Run all tests: unit, and integration against real Kafka and PostgreSQL
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

.PHONY: test-unit
test-unit: $(READY) ## Run the unit tests only
	@$(BIN)/python -m pytest -m "not integration and not containers" $(ARGS)

.PHONY: test-tools
test-tools: ## Install what some tests use and pip cannot: Prometheus and Chromium (Debian packages; needs root)
	@tests/install_tools

.PHONY: test-containers
test-containers: $(READY) ## Run the integration tests on containers (needs a Docker engine)
	@TESTCONTAINERS_RYUK_DISABLED=true PCARE_TEST_BACKEND=containers $(BIN)/python -m pytest -m integration tests $(ARGS)

.PHONY: proof-kpis
proof-kpis: $(READY) ## Play every KPI scenario against the running system: stream, SQL, replay and hand must agree
	@$(BIN)/python tests/proof/run.py $(ARGS)

.PHONY: proof-faults
proof-faults: $(READY) ## Kill, stop and cut off everything under load, and count afterwards; ROUNDS=200 for the long form
	@$(BIN)/python tests/faults/run.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: proof-inputs
proof-inputs: $(READY) ## Throw bad input at checks, ingest and topics; ARGS="--inputs 1000000 --http 100000 --topic 100000 --seed 1"
	@$(BIN)/python tests/fuzz/run.py $(ARGS)

.PHONY: proof-provider
proof-provider: $(READY) ## Play a provider's afternoon: every way in, every refusal, rotations, the conformance kit
	@$(BIN)/python tests/proof_provider/run.py $(ARGS)

.PHONY: check
check: $(READY) ## Lint, format check, types, generated files up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/python -m pcare_schemas.generate --check

.PHONY: fix
fix: $(READY) ## Format, and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: $(READY) ## Write the generated contract: JSON Schemas, AsyncAPI, examples, reference pages
	@$(BIN)/python -m pcare_schemas.generate
	@$(BIN)/python -m pcare_common.metrics > docs/metrics.md
	@$(BIN)/python -m pcare_cli.settings_page > docs/settings.md
	@$(BIN)/python -m pcare_ingest.fhir.page > docs/fhir.md

.PHONY: bench
bench: $(READY) ## Measure speed against ceilings taken in the same run
	@$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: lock
lock: $(READY) ## Resolve the dependencies anew and lock them by hash, without addresses
	@requirements/lock

.PHONY: clean
clean: ## Remove the demo's data
	@rm -rf var

.PHONY: distclean
distclean: clean ## Remove the data, the virtual environment and all caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	@find . -name __pycache__ -prune -exec rm -rf {} + ; find . -name '*.egg-info' -prune -exec rm -rf {} +
