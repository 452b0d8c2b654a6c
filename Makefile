# The one vocabulary of this project; CI calls these targets and nothing else.
# Needs Python 3.11 or newer and make. Arguments for the command behind a target go into ARGS: make test ARGS="-k lock"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run demo test traffic quality bench setup dev lint format lock clean

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PY := .venv/bin/python
MANAGE := $(PY) manage.py
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## the whole system on this machine; Ctrl-C stops it
	@DEMO=$${DEMO-1}; export DEMO; exec $(MANAGE) up --with-parent $$PPID $(ARGS)

demo: run

# The short run on PostgreSQL goes first, so that the last line is the one of the whole suite. Both use three processes: much of what they do is to wait.
IN_PARTS := -n 3 --dist loadfile --no-loadscope-reorder
test: dev ## every test, on SQLite and on PostgreSQL
	@first=0; TEST_DATABASE=postgresql $(PY) -m pytest -m database $(IN_PARTS) $(ARGS) || first=$$?; \
	[ $$first -ne 5 ] || first=0; \
	$(PY) -m pytest $(IN_PARTS) $(ARGS); second=$$?; \
	[ $$first -eq 0 ] || echo "The run on PostgreSQL failed (exit code $$first); its report is above." >&2; \
	[ $$second -eq 0 ] && exit $$first || exit $$second

traffic: setup ## realistic shop traffic and attacks against the running system
	@exec $(MANAGE) simulate $(ARGS)

quality: dev ## how much the detection finds, and how often it is wrong
	@exec $(PY) -m tests.quality $(ARGS)

bench: dev ## benchmarks, each as a ratio to its baseline
	@exec $(PY) -m tests.benchmarks $(ARGS)

setup: ## the environment and its pinned packages, nothing started
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and was not found on PATH." >&2; exit 1; fi
	@$(PYTHON) requirements/install.py base

dev:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and was not found on PATH." >&2; exit 1; fi
	@$(PYTHON) requirements/install.py dev

lint: dev ## linters, import contracts, types, migrations
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }
	@$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()'
	@$(PY) -m mypy
	@$(MANAGE) makemigrations --check --dry-run

format: dev ## put the code into shape
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format --quiet .

lock: dev ## freeze requirements/*.in into *.txt
	@for kind in base dev; do .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header \
		--no-annotate --no-emit-index-url requirements/$$kind.in -o requirements/$$kind.txt || exit 1; done

clean: ## caches only; data in ./var stays
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage test-results
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
