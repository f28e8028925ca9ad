# `make run` serves Inkling, `make test` checks it; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/runtime.stamp
DEVELOPMENT := $(VENV)/development.stamp
NODE_MODULES := node_modules/.package-lock.json
SCRIPTS = $(shell find static -name '*.js' 2>/dev/null)
SCRIPT_TESTS = $(shell find tests/js -name '*.test.js' 2>/dev/null)

# Only what goes wrong is told, and newer versions of pip itself do not matter.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
# The lock holds for each Python that pyproject.toml allows, on each system.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--no-annotate --custom-compile-command "make lock" $(ARGUMENTS)

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(RUNTIME) ## serve on http://127.0.0.1:8000 (HOST and PORT change that)
	@$(BIN)/flask prepare
	@exec $(BIN)/gunicorn

.PHONY: test
test: lint types scripts chromium ## lint, types and every test, the browser's too
	@$(BIN)/pytest --cov --numprocesses 3 --dist worksteal $(ARGUMENTS)

.PHONY: lint
lint: $(DEVELOPMENT) ## ruff, djlint, and Biome where Node.js is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@if [ -n "$$(find templates -name '*.html' 2>/dev/null)" ]; then $(BIN)/djlint --quiet --lint templates; fi
	@$(call with-node,node_modules/.bin/biome check --error-on-warnings .,the scripts are not linted)

.PHONY: types
types: $(DEVELOPMENT) ## mypy, and tsc where Node.js is installed
	@$(BIN)/mypy
	@$(call with-node,node_modules/.bin/tsc --project tsconfig.json,the types of the scripts are not checked)

.PHONY: scripts
scripts: ## the tests of the pure scripts, where Node.js is installed
	@$(call with-node,$(if $(SCRIPT_TESTS),node --test --test-reporter=dot $(SCRIPT_TESTS),:),the scripts are not tested)

.PHONY: unit
unit: $(DEVELOPMENT) scripts ## the tests that need no browser
	@$(BIN)/pytest -m "not browser" $(ARGUMENTS)

.PHONY: browser
browser: $(DEVELOPMENT) chromium ## the tests that drive a real Chromium
	@$(BIN)/pytest -m browser $(ARGUMENTS)

.PHONY: bench
bench: $(RUNTIME) ## speed, memory and start-up beside an empty Flask request and the plain way
	@$(BIN)/python -m benchmarks.serving $(ARGUMENTS)

.PHONY: format
format: $(DEVELOPMENT) ## rewrite the code in the house's format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	@$(call with-node,node_modules/.bin/biome check --write .,the scripts are not formatted)

.PHONY: lock
lock: $(DEVELOPMENT) ## write the exact versions anew (ARGUMENTS=--upgrade for newer ones)
	@$(COMPILE) pyproject.toml --output-file requirements.txt
	@$(COMPILE) --constraints requirements.txt --group pyproject.toml:export --output-file requirements-export.txt
	@$(COMPILE) --constraints requirements.txt --group pyproject.toml:dev --output-file requirements-dev.txt

.PHONY: clean
clean: ## remove what these targets made, but not instance/
	@rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

# The first Python among these that fits is taken; PYTHON=/path/to/python chooses another.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version) ..."; \
	    "$$python" -m venv --clear $(VENV) && exit; \
	    rm -rf $(VENV); \
	    echo "This Python cannot make a virtual environment; on Debian and Ubuntu install python3-venv, then try again." >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "Inkling needs Python 3.11, 3.12 or 3.13, and none of them was found. Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(RUNTIME): requirements.txt $(BIN)/python
	@echo "Installing what requirements.txt names (the first time takes some minutes) ..."
	@$(PIP) install -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	@echo "Installing what testing needs ..."
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(NODE_MODULES): package-lock.json
	@npm ci --silent --no-audit --no-fund
	@touch $@

# $(call with-node,command,what is left undone without Node.js)
define with-node
if ! command -v npm > /dev/null; then echo "No Node.js here: $(2)."; \
elif [ -n "$(SCRIPTS)" ]; then $(MAKE) --silent $(NODE_MODULES) && $(1); fi
endef

.PHONY: chromium
chromium:
	@if command -v chromium > /dev/null; then :; \
	elif [ -e /etc/debian_version ] && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Chromium for the browser tests ..."; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium > /dev/null; \
	else \
	  echo "No Chromium here: the browser tests are skipped. Install chromium to have them run."; \
	fi
