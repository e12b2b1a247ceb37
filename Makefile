# Needs a Python from 3.11 to 3.14 and make; uses uv where it is installed, pip elsewhere. `make help` lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# More arguments for pytest, `citewell serve` or the benchmarks: make test ARGS="-k chunk"
ARGS ?=

# Another interpreter: make setup PYTHON=/path/to/python3.13
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; \
	then echo $$name; break; fi; done)
UV := $(shell if uv --version >/dev/null 2>&1; then echo uv; fi)

ifdef UV
CREATE = uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
INSTALL = uv pip install --quiet --compile-bytecode --python $(BIN)/python
else
CREATE = "$(PYTHON)" -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore
endif

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)$$/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name line; do \
		printf '  make %-16s %s\n' $$name "$$line"; done

# ---- environment: what `make run` needs, and on top of it what development needs --------------------------------

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Citewell needs a Python from 3.11 to 3.14; say which: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Creating $(VENV) with $$("$(PYTHON)" --version)"
	@$(CREATE)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "Installing what Citewell runs on (the first time takes a minute or two)"
	@$(INSTALL) -r requirements/runtime.txt -r requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing the tools for tests and checks"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev  ## install everything for development into .venv, from the locked requirements

.PHONY: hooks
hooks: $(VENV)/.dev  ## let git run the quick checks before every commit
	@$(BIN)/pre-commit install

# ---- use --------------------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.runtime  ## serve on http://127.0.0.1:8000, data under ./.citewell
	@$(BIN)/citewell serve $(ARGS)

# ---- tests and checks -------------------------------------------------------------------------------------------

# Several processes share the tests, each file whole; ARGS="-n0" runs them in one, as a debugger needs it. Tests start
# hundreds of processes of ours: without bytecode each of them would compile the code anew.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(VENV)/.dev  ## run all tests that need no Docker
	$(PYTEST) $(ARGS)

.PHONY: test-containers
test-containers: $(VENV)/.dev  ## run the contract and integration tests on PostgreSQL and Valkey in containers
	@$(BIN)/python -c 'import docker; docker.from_env().ping()' >/dev/null 2>&1 || { \
		echo "No Docker engine answers. Start one, or point DOCKER_HOST at one; 'make test' needs none." >&2; exit 1; }
	CITEWELL_TEST_ENGINES=containers $(PYTEST) tests/contract tests/integration $(ARGS)

.PHONY: chaos
chaos: $(VENV)/.dev  ## kill everything at every stage and check that nothing is lost: ARGS="--seed 7 --kills 200"
	$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: check
# Without the variable, pyright asks the package index for a newer version of itself.
check: $(VENV)/.dev  ## check format, style, types and the architecture
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	$(BIN)/lint-imports

.PHONY: fmt
fmt: $(VENV)/.dev  ## format the code and mend what can be mended by itself
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: $(VENV)/.dev  ## measure the service beside what its parts can do alone: ARGS="--quick"
	$(BIN)/python -m bench.performance $(ARGS)

.PHONY: bench-scale
bench-scale: $(VENV)/.dev  ## measure search, recall and inserts up to a million chunks: ARGS="--chunks 100000"
	$(BIN)/python -m bench.scale $(ARGS)

# ---- upkeep -----------------------------------------------------------------------------------------------------

# uv alone resolves for all platforms and Python versions at once; without it on the machine it is fetched for this.
ifdef UV
LOCKER :=
COMPILE = uv
else
LOCKER := $(VENV)/lock/bin/uv
COMPILE = $(LOCKER)
endif
COMPILE += pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header
EXCERPT = $(COMPILE) --no-annotate --constraints requirements/dev.txt

$(VENV)/lock/bin/uv: $(VENV)/.created
	@$(INSTALL) --target $(VENV)/lock uv

.PHONY: lock
# One resolution, and three excerpts of it. What is pinned already stays as it is, unless UPGRADE is set.
lock: $(LOCKER)  ## write requirements/ anew from pyproject.toml; UPGRADE=1 takes newer versions
	$(COMPILE) $(if $(UPGRADE),--upgrade) --annotation-style line --extra server --extra testing --group dev \
		--output-file requirements/dev.txt
	$(EXCERPT) --extra server --output-file requirements/runtime.txt
	$(EXCERPT) --extra service --extra local --output-file requirements/service.txt
	$(EXCERPT) --group build --output-file requirements/build.txt

.PHONY: clean
clean:  ## remove .venv, caches and builds; the data in .citewell stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find src adapters entrypoints migrations tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
