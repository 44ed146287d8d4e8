# The commands of everyday work; `make` alone lists them.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# Without bytecode Dagster starts twice as slowly.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed

.PHONY: help install up test test-parts test-leads test-end-to-end check format lock bench torture
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## make .venv from the lock file

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Installing into $(VENV) (once; a minute or two)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --compile -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

up: install ## start the whole system and stay in the foreground; Ctrl-C ends it
	@exec $(BIN)/cep up

test: install ## every test, on the embedded parts; end to end beside the others
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target test-end-to-end test-leads test-parts

# Three processes that take about the same time.
PIPELINES := leads campaigns clients

test-leads: install
	@$(BIN)/pytest $(addprefix cep_orchestration_tests/,$(PIPELINES))

test-parts: install
	@$(BIN)/pytest $(addprefix --ignore=cep_orchestration_tests/,e2e $(PIPELINES))

test-end-to-end: install
	@$(BIN)/pytest cep_orchestration_tests/e2e

check: install ## lint, format, types, import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: install ## measure what people wait for; ONLY=start for one benchmark
	@$(BIN)/python -m bench $(ONLY)

torture: install ## kill processes at random while leads flow in, and count who was reached; some minutes
	@$(BIN)/python -m cep_orchestration_tests.e2e.torture

format: install ## put the code into its format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: install ## resolve the dependencies anew into requirements.lock
	@$(BIN)/python -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	@$(VENV)/lock/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-header --quiet --output-file requirements.lock
