# Interlock. `make` alone lists what there is.
.DEFAULT_GOAL := help
.PHONY: help setup system demo demo-down test check lint format bench bench-full image clean

VENV := .venv
PYTEST := $(VENV)/bin/pytest
IMAGE ?= interlock
BASE ?=

help: ## list these targets
	@echo "Interlock: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.made ## make .venv with the interlock command in it, embedded proxies included

$(VENV)/.made: pyproject.toml uv.lock scripts/install-python
	@scripts/install-python
	@touch $@

system: ## install Docker, Compose, Podman and the proxies from the system's packages (root; only what is missing)
	@scripts/install-system

demo: ## see an application scale from one to five containers behind one name (root; DEMO_ONLINE=1 uses Docker Hub)
	@scripts/install-system
	@$(MAKE) --no-print-directory setup
	@$(VENV)/bin/python scripts/demo up

demo-down: ## remove every trace of the demo
	@if [ -x $(VENV)/bin/python ]; then $(VENV)/bin/python scripts/demo down; else echo "no demo here"; fi

test: ## check, and run the tests against real dockerd, Compose and proxies too (root; installs what is missing)
	@scripts/install-system
	@$(MAKE) --no-print-directory lint
	$(PYTEST)

check: setup lint ## format, lint, types, import walls, and the tests that need nothing installed
	$(PYTEST) -m "not real"

lint: setup
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: setup ## let ruff put the code in order
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: setup ## measure, in some minutes
	@bench/run

bench-full: setup ## measure, with longer runs
	@bench/run --full

image: ## build the container image (IMAGE=name; BASE=an image with Python and util-linux, else one is made)
	@BASE=$(BASE) scripts/build-image $(IMAGE)

clean: ## remove what was made here, the environment included
	rm -rf $(VENV) .tools dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
