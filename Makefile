# The front door. `make demo` and `make test` do everything on a fresh machine with Python 3.11+, its venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# what `make mutants` looks at (all, unless named) and how many changes it tries in each
MODULES ?=
SAMPLE ?= 8
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: api audit help demo test test-slow lint lint-style lint-types lint-imports setup mutants bench torture clean

# `##@ Group` opens a group of targets, here and in the included files; `## text` describes a target.
help:
	@awk -F ':.*## ' ' \
	  /^##@ / { group = substr($$0, 5); if (!(group in lines)) order[++count] = group } \
	  /^[a-z][a-z0-9-]*:.*## / { lines[group] = lines[group] sprintf("  make %-14s %s\n", $$1, $$2) } \
	  END { for (i = 1; i <= count; i++) printf "%s%s\n%s", (i > 1 ? "\n" : ""), order[i], lines[order[i]] } \
	  ' $(MAKEFILE_LIST)

$(VENV)/.core: analytics_core/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet -e analytics_core
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt -e analytics_core
	touch $@

##@ Use
demo: $(VENV)/.core ## sample database -> full refresh -> out/
	$(BIN)/analytics-core demo --output out

clean: ## remove the environment and outputs
	rm -rf $(VENV) out build cdk.out

##@ Develop
setup: $(VENV)/.dev ## the environment with all development tools

test: $(VENV)/.dev ## every test that is not slow
	$(BIN)/python -m pytest -n 2 --dist loadfile

$(VENV)/.torture: $(VENV)/.dev tests/end_to_end/requirements.txt
	$(BIN)/python -m pip install --quiet -r tests/end_to_end/requirements.txt
	touch $@

test-slow: $(VENV)/.torture ## the slow tests
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

torture: $(VENV)/.torture ## kill, race, fail and fuzz by the hundred: two hours
	$(BIN)/python -m tests.end_to_end.torture

# .pre-commit-config.yaml has a hook for each part
lint: lint-style lint-types lint-imports lint-page ## style, types, and which part may import which

lint-style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.dev
	$(BIN)/mypy app.py infra trigger client scripts image benchmarks mutants tests analytics_core/src

lint-imports: $(VENV)/.dev
	$(BIN)/lint-imports

audit: $(VENV)/.dev ## known vulnerabilities of dependencies (asks the network)
	$(BIN)/python scripts/audit.py

mutants: $(VENV)/.dev ## change the code here and there, list what no test notices
	$(BIN)/python -m mutants $(MODULES) --sample $(SAMPLE)

api: $(VENV)/.dev ## write docs/api.md and docs/units.md anew
	$(BIN)/python scripts/api_page.py
	$(BIN)/python scripts/units_page.py

$(VENV)/.bench: $(VENV)/.dev benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	touch $@

bench: $(VENV)/.bench ## side by side with what a user would pick instead
	$(BIN)/python -m benchmarks

include $(wildcard analytics_core/report.mk infra/infra.mk image/image.mk)
