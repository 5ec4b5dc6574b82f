# What `sam build` runs for a function or a layer; api/, lambdas/ and requirements/ include it.
#
# No Docker and no interpreter of the runtime is needed: our code is pure Python, and uv takes the
# libraries' wheels for whatever platform it is told. TARGET says for which:
#   TARGET=aws (default)   the runtime and architecture of template.yaml
#   TARGET=laptop          this machine's own, for the local cloud
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
TARGET ?= aws
VENV := $(ROOT)/.venv/bin
UV := $(or $(wildcard $(VENV)/uv),uv) --quiet
PYTHON := $(or $(wildcard $(VENV)/python),python3)

ifeq ($(TARGET),laptop)
COMPILER := $(PYTHON)
PLATFORM := --python $(PYTHON)
else
COMPILER := python3.13
PLATFORM := --python-version 3.13 --python-platform aarch64-manylinux_2_28
endif

# $(call install,FOLDER,LOCK) unpacks the wheels of a lock file.
install = $(UV) pip install --no-config --require-hashes --no-deps \
	--only-binary :all: --link-mode copy --no-compile $(PLATFORM) --target $(1) --requirement $(2)

# $(call compile,FOLDER,PLACE) adds bytecode, where there is an interpreter of the target's version:
# without it Lambda compiles everything anew at every cold start, for its folders are read-only.
# Hash-based and unchecked, with the path that the folder will have: the same bytes in every build.
compile = if $(COMPILER) -c '' 2>/dev/null; then \
	$(COMPILER) -m compileall -q -j 0 --invalidation-mode unchecked-hash -s $(1) -p $(2) $(1); \
	else echo "$@: no $(COMPILER) here, so it starts slower, for want of bytecode" >&2; fi
