SHELL := /bin/bash
.DEFAULT_GOAL := help

PORT ?= 8400
BIN := .venv/bin

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1 \t\2/p' Makefile | expand -t 16

.PHONY: run
run: local ## everything on this machine, ready at http://127.0.0.1:8400 (PORT=, WIDGET_AUTH_DATA_DIR=)
	@exec $(BIN)/widget-auth dev --port $(PORT) --stop-with-parent

.PHONY: demo
demo: local ## the whole story with real clients and processes, step by step, in under a minute
	@exec $(BIN)/python -m cli.demo

.PHONY: recording
recording: local ## plays the story once more and draws what it prints: docs/images/demo.svg
	@exec $(BIN)/python -m cli.demo docs/images/demo.svg

.PHONY: screenshots
screenshots: development ## pictures of the dashboard's pages: docs/images
	@exec $(BIN)/python -m tests.browser.screenshots

.PHONY: test
test: development ## the whole suite, or TESTS=tests/unit; what is not installed here is skipped visibly
	@exec $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -rsfE $(TESTS)

.PHONY: lint
lint: development ## style, types, and who may import whom
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@told=$$($(BIN)/lint-imports 2>&1) || { echo "$$told"; exit 1; }
	@echo "lint: nothing to mend"

.PHONY: bench
bench: development ## benchmarks, each beside its floor or peer
	@exec $(BIN)/python -m benchmarks

.PHONY: chaos
chaos: development ## hundreds of faults on a running system, on each database for 25 minutes or so at most: docs/reliability.md
	@exec $(BIN)/python -m tests.chaos --write docs/reliability.md

.PHONY: mutations
mutations: development ## deliberate bugs, each of which the fault suite must see
	@exec $(BIN)/python -m tests.chaos.mutations

.PHONY: docs
docs: development ## the documentation as a site, in the folder site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "docs: open site/index.html, or with search: python3 -m http.server --directory site"

.PHONY: locks
locks: ## makes requirements/*.txt anew from pyproject.toml
	@scripts/locks

.PHONY: local development
local development:
	@scripts/setup $@
