# Each target sets up what it needs by itself, on a fresh machine too, and asks nothing.
.DEFAULT_GOAL := help
.PHONY: help run test test-postgres bench lint lock setup setup-dev
export NO_COLOR := 1
BIN := .venv/bin

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup:  ## make .venv, ready to run the gateway
	@scripts/setup run

setup-dev:  ## make .venv, ready to test the gateway, with SIPp, baresip and Kamailio as peers
	@scripts/setup dev

run: setup  ## run the gateway with config/gateway.toml, its state in state/
	@$(BIN)/trunkline run --config config/gateway.toml

test: lint  ## everything that must hold: lint, types and the whole test-suite
	$(BIN)/python -m pytest -q -n 2 -m 'not peers'
	$(BIN)/python -m pytest -q -n 3 -m peers  # they mostly wait for sound

test-postgres: setup-dev  ## all tests of the API and the store on Postgres, some of which test runs on both
	DATABASE=postgres $(BIN)/python -m pytest -q -n 2 tests/api tests/store

bench: setup-dev  ## measure what docs/performance.md promises
	$(BIN)/python -m pytest -q -s -o 'python_files=bench_*.py' tests/bench

lint: setup-dev  ## format, lint and types; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Versions already in a lock are kept; delete a lock first to renew them all.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --group build --extra postgres
lock: setup  ## write requirements/*.lock from pyproject.toml
	@$(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml -o requirements/run.lock
	$(COMPILE) --extra probe --extra s3 --extra denoise --extra turns --extra otel --extra local --extra bedrock \
		--extra dev pyproject.toml -o requirements/dev.lock
