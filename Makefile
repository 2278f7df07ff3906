# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := schemas services/common services/ingest services/recorder services/kpi-aggregator services/audit deploy/local deploy/compose deploy/kubernetes deploy/grafana sdk/python deploy/operations services/cli
SOURCES := schemas/pcare_schemas $(filter-out %.egg-info,$(wildcard services/*/pcare_*)) deploy/local/pcare_local deploy/compose/pcare_compose deploy/kubernetes/pcare_kubernetes deploy/grafana/pcare_dashboards sdk/python/pcare_client deploy/operations/pcare_operations benchmarks
AUDIT := .venv-audit
ARGS ?=
# Tests wait for servers more than they compute. Each worker has a broker and a database of its own: half a gigabyte.
WORKERS ?= 3

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
test: $(READY) ## Run all tests: unit, and integration against real Kafka and PostgreSQL; WORKERS=1 on a small machine
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25 $(ARGS)
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
	@TESTCONTAINERS_RYUK_DISABLED=true PCARE_TEST_BACKEND=containers $(BIN)/python -m pytest -m integration services tests $(ARGS)

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

.PHONY: proof-audit
proof-audit: $(READY) ## Do to the record whatever can be done, and show each found and named; ARGS="--events 400 --only rows"
	@$(BIN)/python tests/proof_audit/run.py $(ARGS)

.PHONY: proof-deploy
proof-deploy: $(READY) ## Prove what of the deployment can be proven here: containers, alerts, dashboards, Kubernetes; ARGS="--only Grafana"
	@$(BIN)/python tests/proof_deploy/run.py $(ARGS)

OPERATE := PYTHONPATH=deploy/operations $(PYTHON) -m pcare_operations

.PHONY: backup
backup: ## Back up PostgreSQL of the compose project into backups/; ARGS="--rehearse --keep 14"
	@$(OPERATE) backup $(ARGS)

.PHONY: restore
restore: ## Put a backup in the database's place and restore from the log what is newer: FILE=backups/pcare-….tar
	@$(OPERATE) restore $(FILE) $(ARGS)

.PHONY: rebuild
rebuild: ## Restore from the log what the compose project's database lacks: all, where it was lost
	@$(OPERATE) rebuild $(ARGS)

.PHONY: backup-keys
backup-keys: ## Back up the pseudonym key and the secrets of the compose project: keep that file elsewhere
	@$(OPERATE) backup-keys $(ARGS)

.PHONY: restore-keys
restore-keys: ## Put the pseudonym key and the secrets back where there are none: FILE=…
	@$(OPERATE) restore-keys $(FILE) $(ARGS)

.PHONY: upgrade
upgrade: export PCARE_REVISION ?= $(shell git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null)
upgrade: $(READY) ## Bring the compose project to this version, with its data in place
	@$(OPERATE) take-key
	@$(MAKE) --no-print-directory secrets ARGS=
	@$(OPERATE) upgrade $(ARGS)

.PHONY: check
check: $(READY) ## Lint, format check, types, generated files up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/python -m pcare_schemas.generate --check
	@$(BIN)/python -m pcare_kubernetes.generate --check
	@$(BIN)/python -m pcare_dashboards --check

.PHONY: fix
fix: $(READY) ## Format, and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: $(READY) ## Write the generated contract: JSON Schemas, AsyncAPI, examples, reference pages, dashboards
	@$(BIN)/python -m pcare_schemas.generate
	@$(BIN)/python -m pcare_common.metrics > docs/metrics.md
	@$(BIN)/python -m pcare_cli.settings_page > docs/settings.md
	@$(BIN)/python -m pcare_cli.alerts_page > docs/alerts.md
	@$(BIN)/python -m pcare_ingest.fhir.page > docs/fhir.md
	@$(BIN)/python -m pcare_kubernetes.generate
	@$(BIN)/python -m pcare_dashboards
	@$(BIN)/python -m pcare_cli.doctor.page > docs/doctor.md

.PHONY: bench
bench: $(READY) ## Measure speed against ceilings taken in the same run
	@$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: lock
lock: $(READY) ## Resolve the dependencies anew and lock them by hash, without addresses
	@requirements/lock

.PHONY: secrets
secrets: $(READY) ## Make the passwords, keys and certificates of docker-compose.yml that are missing
	@$(BIN)/python -m pcare_compose secrets $(ARGS)

.PHONY: certificates
certificates: $(READY) ## Make its certificates anew; ARGS="--host pcare.example.nhs.uk" for a name others know it by
	@$(BIN)/python -m pcare_compose certificates $(ARGS)

$(AUDIT)/.ready: requirements/audit.txt
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

.PHONY: sbom
sbom: $(AUDIT)/.ready ## Write what each image is made of to build/sbom, by CycloneDX
	@requirements/sbom

.PHONY: audit-dependencies
audit-dependencies: $(AUDIT)/.ready ## Ask whether the locked dependencies have known vulnerabilities; ARGS="--strict" to insist on an answer
	@$(AUDIT)/bin/python requirements/audit.py $(ARGS)

.PHONY: licences
licences: $(READY) ## List the licence of each package that an image holds
	@$(BIN)/python requirements/licences.py

.PHONY: clean
clean: ## Remove the demo's data
	@rm -rf var

.PHONY: distclean
distclean: clean ## Remove the data, the virtual environment and all caches
	@rm -rf $(VENV) $(AUDIT) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	@find . -name __pycache__ -prune -exec rm -rf {} + ; find . -name '*.egg-info' -prune -exec rm -rf {} +
