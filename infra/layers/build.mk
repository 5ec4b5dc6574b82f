# What `sam build` runs for a function or a layer; api/, lambdas/, web/ and infra/layers/ include it.
#
# No Docker and no interpreter of the runtime is needed: our code is pure Python, and uv takes the
# libraries' wheels for whatever platform it is told. TARGET says for which:
#   TARGET=aws (default)   the runtime and architecture of template.yaml
#   TARGET=laptop          this machine's own, for the local cloud
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
TARGET ?= aws
VENV := $(ROOT)/.venv/bin
UV := $(or $(wildcard $(VENV)/uv),uv) --quiet
PYTHON := $(or $(wildcard $(VENV)/python),python3)

ifeq ($(TARGET),laptop)
COMPILER := $(PYTHON)
PLATFORM := --python $(PYTHON)
else
# Bytecode is the same on every processor but not in every version. Where a laptop has the runtime's:
# on the PATH (a shim of pyenv's is there even if it starts nothing), or in the store of a manager.
PYENV := $(or $(PYENV_ROOT),$(shell pyenv root 2>/dev/null),$(HOME)/.pyenv)
STORES := $(ROOT)/.venv $(PYENV)/versions/3.13* $(HOME)/.local/share/uv/python/cpython-3.13* \
	$(HOME)/.local/share/mise/installs/python/3.13* $(HOME)/.asdf/installs/python/3.13* \
	/opt/homebrew /usr/local /Library/Frameworks/Python.framework/Versions/3.13
COMPILER := $(shell for python in python3.13 $(wildcard $(addsuffix /bin/python3.13,$(STORES))); do \
	if $$python -c '' 2>/dev/null; then echo $$python; break; fi; done)
PLATFORM := --python-version 3.13 --python-platform aarch64-manylinux_2_28
endif

# $(call install,FOLDER,LOCK) unpacks the wheels of a lock file, but for their commands, which would
# hold a path of this machine, and the lists of files, which would hold those commands' checksums.
install = $(UV) pip install --no-config --require-hashes --no-deps \
	--only-binary :all: --link-mode copy --no-compile $(PLATFORM) --target $(1) --requirement $(2) && \
	rm -rf $(1)/bin $(1)/.lock $(1)/*.dist-info/RECORD

# $(call compile,FOLDER,PLACE) adds bytecode, where there is an interpreter of the target's version:
# without it Lambda compiles everything anew at every cold start, for its folders are read-only.
# Hash-based and unchecked, with the path that the folder will have: the same bytes in every build.
# Without the columns that tracebacks underline, it is an eighth smaller.
compile = if [ -n "$(COMPILER)" ]; then \
	$(COMPILER) -X no_debug_ranges -m compileall -q -j 0 --invalidation-mode unchecked-hash \
	-s $(1) -p $(2) $(1); fi
