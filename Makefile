# Everything a newcomer needs. `make` alone lists the targets.
PYTHON ?= python3
UV_VERSION = 0.13.9
UV = .venv/bin/uv
# Also where Python is told to write no bytecode, commands start from it.
COMPILE = PYTHONDONTWRITEBYTECODE= .venv/bin/python -c 'import opint.cli.main, opint.daemon.run, opint.dashboard.app, rich.table'
INSTALL = $(UV) pip install --quiet --python .venv/bin/python --constraint constraints.txt
# Tests of what is pure, and of the store on SQLite.
QUICK = tests/conf tests/streams/codecs tests/streams/files tests/contracts/test_readers.py tests/dqm/statistics tests/dqm/core \
  tests/dqm/simulate tests/dqm/events tests/opint/incidents tests/opint/store tests/opint/registry tests/opint/labels \
  tests/opint/triggers tests/rl_cache/traces tests/rl_cache/laboratory tests/test_names.py tests/test_docs.py
# Hundreds of processes start in the tests; what the first compiles the others load.
PYTEST = PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest
ALL_TESTS = $(PYTEST) -p no:randomly --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not benchmark'
NEEDS = setup.cfg pyproject.toml constraints.txt

.PHONY: help run test coverage test-benchmarks quick check bench setup kafka lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' Makefile

run: .venv/.base ## start everything embedded and print the address of the page; Ctrl-C stops it
	@exec .venv/bin/nightshift demo

test: .venv/.dev ## run all tests (as root, missing test tools are installed with apt-get)
	@sh deploy/install-test-tools.sh
	@exec env $(ALL_TESTS)

coverage: .venv/.dev ## run all tests and list the lines that none reaches; fails where fewer are reached than setup.cfg asks for
	@exec env $(ALL_TESTS) --cov

test-benchmarks: .venv/.dev ## run each whole benchmark once, small (minutes): that it runs, not what it measures
	@exec env $(PYTEST) -p no:randomly --numprocesses 2 -m benchmark tests/benchmarks

quick: check ## what to run before each commit: check, and in random order what needs no server, browser or training
	@exec env $(PYTEST) --numprocesses 3 --dist loadfile \
	  -m 'not (slow or kafka or postgres or browser or benchmark)' $(QUICK)

check: .venv/.dev ## formatting, lint, types and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/.dev ## run one benchmark: make bench NAME=stream
	@test -n "$(NAME)" || { echo 'say which one: make bench NAME=stream'; exit 2; }
	@exec .venv/bin/python -m benchmarks.$(NAME) --json

setup: .venv/.all ## prepare .venv for everything, all extras and the test tools included
	@.venv/bin/nightshift cache compile
	@sh deploy/install-test-tools.sh

kafka: .venv/.base ## run Apache Kafka on 127.0.0.1:9092 with its data in var/kafka; needs Java 17 and Maven
	@exec .venv/bin/python -m streams.dev_kafka --data var/kafka

lock: .venv/.uv ## write constraints.txt anew from setup.cfg; pins that still fit stay, delete the file to renew all
	$(UV) pip compile setup.cfg --all-extras --universal --python-version 3.11 --no-annotate --quiet \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --output-file constraints.txt

clean: ## remove .venv, caches and build results; var/, where data lives, stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

# A stamp is touched last, so that an interrupted installation is done again.
.venv/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'nightshift needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'Python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)'; exit 1; }
	@echo 'Setting up .venv, once.'
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/.base: .venv/.uv $(NEEDS)
	@echo 'Installing nightshift (about 2 GB on disk, mostly TensorFlow).'
	@$(INSTALL) --editable '.[train,caches]'
	@$(COMPILE)
	@touch $@

.venv/.dev: .venv/.uv $(NEEDS)
	@echo 'Installing nightshift and what its tests need (several GB with torch).'
	@$(INSTALL) --editable '.[train,actions,spark,rl,notify,dev]'
	@$(COMPILE)
	@touch $@ .venv/.base

.venv/.all: .venv/.uv $(NEEDS)
	@echo 'Installing nightshift with all extras (several GB with torch).'
	@$(INSTALL) --editable '.[train,actions,spark,rl,bench,notify,dev]'
	@$(COMPILE)
	@touch $@ .venv/.base .venv/.dev
