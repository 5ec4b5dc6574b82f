# Everything a developer does here. `make` lists it; the README says when.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3

BIN := .venv/bin
TOOLS := .local/tools
UV := $(BIN)/uv --quiet

# An environment is current when its stamp is newer than its lock file.
READY := .venv/.ready
EMULATOR := $(TOOLS)/emulator/.ready
SAM := $(TOOLS)/sam/.ready
CHAOS := $(TOOLS)/chaos/.ready
POLICY := $(TOOLS)/policy/.ready
BENCH := $(TOOLS)/bench/.ready

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) $(EMULATOR) ## Set up, start the local cloud, develop a picture, fail on a 404, show both
	@$(BIN)/python -m tools.demo.__main__

.PHONY: up
up: $(READY) $(EMULATOR) ## Start the local cloud and deploy template.yaml to it (again after a change)
	@$(BIN)/python -m tools.localcloud.commands up

.PHONY: down
down: ## Stop the local cloud; its state stays for the next `make up`
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tools.localcloud.commands down; fi

.PHONY: test
test: $(READY) $(EMULATOR) $(SAM) $(CHAOS) $(BENCH) ## Set up and run all tests, those on a local cloud of their own included
	@# Three at a time, for most tests wait; those of a file share a cloud.
	@$(BIN)/pytest --numprocesses 3 --dist loadfile

.PHONY: screenshots
screenshots: $(READY) $(EMULATOR) ## Take the pictures of the page in docs/ anew
	@SCREENSHOTS=1 $(BIN)/pytest tests/browser -q -k "screenshot"

.PHONY: chaos
chaos: $(READY) $(EMULATOR) $(CHAOS) ## Inject faults, then check that nothing is lost or duplicated: `SEED=… make chaos` repeats a run
	@$(BIN)/python -m tests.chaos

.PHONY: bench
bench: $(READY) $(EMULATOR) $(SAM) $(BENCH) ## Measure, and write docs/performance.md: `make bench QUICK=1` only tries it
	@$(BIN)/python -m tools.bench $(if $(QUICK),--quick)

.PHONY: cost
cost: $(READY) $(EMULATOR) $(BENCH) ## Count what tasks call, write docs/cost.md: what they cost in AWS
	@$(BIN)/python -m tools.bench.cost

.PHONY: simulate
simulate: $(READY) $(BENCH) ## Simulate a million tasks under AWS's quotas, write docs/scale.md
	@$(BIN)/python -m tools.bench.scale

.PHONY: flat
flat: $(READY) $(EMULATOR) $(BENCH) ## Do 10,000 tasks on a local cloud: does each cost as much as the first?
	@$(BIN)/python -m tools.bench.flat

.PHONY: lint
lint: $(READY) $(SAM) $(POLICY) ## Check style, types, the template, its policies and the workflows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=api $(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/cfn-lint
	@$(BIN)/python -m tools.build.cloudformation
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(TOOLS)/sam/bin/sam validate --lint
	@$(TOOLS)/policy/bin/checkov --config-file .checkov.yaml
	@$(BIN)/zizmor --offline --no-progress --quiet .github/workflows

.PHONY: format
format: $(READY) ## Bring the code into the house style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: describe
describe: $(READY) ## Write docs/openapi.json anew, from the models of requests and answers
	@$(BIN)/python -m tools.build.describe

.PHONY: build
build: $(READY) $(SAM) ## Build for AWS with the real SAM CLI: `make build TARGET=laptop` for this machine
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(TOOLS)/sam/bin/sam build
	@find .aws-sam/build -name '*.pyc' | grep -q . || echo "There is no Python 3.13 here to make bytecode: functions will take twice as long to start." >&2

# What the workflow of GitHub runs for each stage, after `make build`.
.PHONY: release
release: $(READY) $(SAM)
	@$(BIN)/python -m tools.release $(STAGE) $(COMMIT)

.PHONY: pipeline-local
pipeline-local: $(READY) $(EMULATOR) $(SAM) $(POLICY) ## Run the pipeline, all stages, on an empty local cloud
	@$(BIN)/python -m tools.release.local

.PHONY: lock
lock: $(READY) ## Resolve the dependencies of pyproject.toml anew
	@$(BIN)/python -m tools.build.locks

.PHONY: clean
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

# These tools pin SDK versions of their own, so each has its own place.
$(TOOLS)/%/.ready: tools/locks/%.txt $(READY)
	@echo "Setting up $(@D)"
	@[ -x $(@D)/bin/python ] || $(UV) venv --python $(BIN)/python $(@D)
	@VIRTUAL_ENV=$(@D) $(UV) pip sync --require-hashes tools/locks/$*.txt
	@touch $@
