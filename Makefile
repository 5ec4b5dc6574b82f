# All developer commands. `make` lists them; CONTRIBUTING.md describes the usual order.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3

BIN := .venv/bin
TOOLS := .local/tools
UV := $(BIN)/uv --quiet

# An environment is up to date when its stamp is newer than its lock file.
READY := .venv/.ready
EMULATOR := $(TOOLS)/emulator/.ready
SAM := $(TOOLS)/sam/.ready
CHAOS := $(TOOLS)/chaos/.ready
POLICY := $(TOOLS)/policy/.ready
BENCH := $(TOOLS)/bench/.ready
CLIENTS := $(TOOLS)/clients/.ready
NPM := $(TOOLS)/npm/.ready

.PHONY: help demo up down test accept screenshots chaos bench cost simulate flat \
	lint format describe build release pipeline-local lock clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) $(EMULATOR) ## Set up, start the local cloud, convert a picture, show a failure
	@$(BIN)/python -m tools.demo.__main__

up: $(READY) $(EMULATOR) ## Start the local cloud and deploy to it; run it again after a change
	@$(BIN)/python -m tools.localcloud.commands up $(PARAMETERS)

down: ## Stop the local cloud; the next `make up` continues with its state
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tools.localcloud.commands down; fi

test: $(READY) $(EMULATOR) $(SAM) $(CHAOS) $(BENCH) $(NPM) ## Set up and run the tests, on local clouds of their own
	@# The first tests compute, the others mostly wait, so both run at the same time: the first ones
	@# with a lower priority, so that they hardly delay the others. Their report comes at the end.
	@# The tests of a file share a local cloud. The longest files must not begin last. `make bench`
	@# tests the benchmarks, which take five minutes of a processor.
	@nice -n 3 $(BIN)/pytest --numprocesses 3 --dist loadfile --cov --cov-report=term \
		tests/unit tests/contract > .local/unit-tests.txt 2>&1 & unit=$$!; \
	trap 'kill $$unit 2> /dev/null || true' EXIT; \
	failed=0; $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder \
		tests/integration/release tests/integration/operations tests/integration/tasks \
		tests/integration tests/conformance tests/browser --ignore tests/integration/bench || failed=1; \
	wait $$unit || failed=1; cat .local/unit-tests.txt; exit $$failed

accept: $(READY) ## Test a deployed stack: STACK=name REGION=…; by default the local one
	@$(BIN)/python -m tools.accept --stack "$(STACK)" --region "$(REGION)" --stage "$(STAGE)"

# Takes the pictures of the page in docs/ again.
screenshots: $(READY) $(EMULATOR)
	@SCREENSHOTS=1 $(BIN)/pytest tests/browser -q -k "screenshot"

chaos: $(READY) $(EMULATOR) $(CHAOS) ## Inject faults, check that no task is lost or duplicated; SEED=… repeats a run
	@$(BIN)/python -m tests.chaos

bench: $(READY) $(EMULATOR) $(SAM) $(BENCH) ## Test the benchmarks, measure, write docs/performance.md; QUICK=1 only tries it
	@$(BIN)/pytest -q tests/integration/bench
	@$(BIN)/python -m tools.bench $(if $(QUICK),--quick)

cost: $(READY) $(EMULATOR) $(BENCH) ## Count the calls of tasks, write docs/cost.md
	@$(BIN)/python -m tools.bench.cost

simulate: $(READY) $(BENCH) ## Simulate a million tasks under AWS's quotas, write docs/scale.md
	@$(BIN)/python -m tools.bench.scale

# Runs 10,000 tasks on a local cloud, to compare the cost of the last with that of the first.
flat: $(READY) $(EMULATOR) $(BENCH)
	@$(BIN)/python -m tools.bench.flat

lint: $(READY) $(SAM) $(POLICY) ## Check style, types, import direction, template, policies, workflows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=api $(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/cfn-lint
	@$(BIN)/python -m tools.build.cloudformation
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(TOOLS)/sam/bin/sam validate --lint
	@$(TOOLS)/policy/bin/checkov --config-file .checkov.yaml
	@$(BIN)/zizmor --offline --no-progress --quiet .github/workflows

format: $(READY) ## Format the code and fix what can be fixed automatically
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

describe: $(READY) ## Write docs/openapi.json from the models of requests and responses
	@$(BIN)/python -m tools.build.describe

build: $(READY) $(SAM) ## Build for AWS with the SAM CLI; TARGET=laptop builds for this machine
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(TOOLS)/sam/bin/sam build
	@find .aws-sam/build -name '*.pyc' | grep -q . || echo "No Python 3.13 was found, so the packages contain no bytecode: functions will take twice as long to start." >&2

# The GitHub workflow runs this for each stage, after `make build`.
release: $(READY) $(SAM)
	@$(BIN)/python -m tools.release $(STAGE) $(COMMIT)

pipeline-local: $(READY) $(EMULATOR) $(SAM) $(POLICY) ## Run the pipeline with all stages on an empty local cloud
	@$(BIN)/python -m tools.release.local

# Resolves the dependencies of pyproject.toml again.
lock: $(READY) $(CLIENTS)
	@$(BIN)/python -m tools.build.locks

clean: down ## Remove the environments, the builds and the local cloud's state
	@rm -rf .venv .local .aws-sam

$(READY): tools/locks/dev.txt pyproject.toml
	@echo "Setting up .venv (a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Darkroom needs Python 3.11 or newer: make PYTHON=python3.12")'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' tools/locks/dev.txt)"
	@VIRTUAL_ENV=.venv $(UV) pip sync --require-hashes tools/locks/dev.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

# Generators of TypeScript clients and linters of OpenAPI, with the Node.js of tools/locks/clients.txt.
$(NPM): tests/support/clients/typescript/package-lock.json $(CLIENTS)
	@echo "Setting up $(@D)"
	@mkdir -p $(@D) && cp $(dir $<)package.json $< $(@D)
	@PATH="$(CURDIR)/$(TOOLS)/clients/bin:$$PATH" $(TOOLS)/clients/bin/npm ci --prefix $(@D) --ignore-scripts --loglevel=error --no-audit --no-fund
	@touch $@

# These tools pin their own SDK versions, so each has its own environment.
$(TOOLS)/%/.ready: tools/locks/%.txt $(READY)
	@echo "Setting up $(@D)"
	@[ -x $(@D)/bin/python ] || $(UV) venv --python $(BIN)/python $(@D)
	@VIRTUAL_ENV=$(@D) $(UV) pip sync --require-hashes tools/locks/$*.txt
	@touch $@
