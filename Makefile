# The front door. `make demo` and `make test` do everything on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint setup bench clean

help: ## what this file can do
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(VENV)/.core: analytics_core/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e analytics_core
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt -e analytics_core
	touch $@

setup: $(VENV)/.dev ## the environment with all development tools

demo: $(VENV)/.core ## sample database -> full refresh -> out/
	$(BIN)/analytics-core demo --output out

test: $(VENV)/.dev ## every test that is not slow
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.dev ## the slow tests
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

lint: $(VENV)/.dev ## style, types and which part may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy app.py infra trigger scripts image benchmarks analytics_core/src
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## side by side with what a user would pick instead
	$(BIN)/python -m benchmarks

include $(wildcard infra/infra.mk analytics_core/report.mk image/image.mk)

clean: ## remove the environment and outputs
	rm -rf $(VENV) out build cdk.out
