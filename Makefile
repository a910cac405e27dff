# Everything that a fresh machine needs: Python 3.11 or newer with pip and venv, and make.
#   make demo      a gallery with known duplicates, found and explained; nothing of yours is read
#   make test      style, types, architecture, tests (minutes)
#   make test-all  the long proofs as well
# An existing .venv is used as it is; what is missing in it is installed, pinned by constraints.txt.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.keepone-installed
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile
TSC := typescript@5.9.3
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: help install demo test test-all test-slow lint format bench pins picture clean

help:
	@sed -n '2,4p' Makefile | sed 's/^# *//'

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || test -x $(BIN)/python || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) and installing (once, a few minutes) …"; $(PYTHON) -m venv $(VENV); }
	@$(PIP) hatchling
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@$(PIP) --no-deps photoscript tenacity  # its own needs are only there on a Mac; the tests replace just its engine
	@! command -v npm >/dev/null || npm install --silent --no-save --no-fund --no-audit --prefix $(VENV)/node $(TSC) || \
		echo "TypeScript could not be installed; the types of the page's script are not checked."
	@touch $@

demo: $(STAMP)
	$(BIN)/keepone demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(PYTEST) -m "not slow"

test-slow: $(STAMP)
	$(PYTEST) -m slow

test-all: lint
	$(PYTEST)

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	@for script in $$(grep -l __main__ benchmarks/*.py); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

pins: $(STAMP)
	$(BIN)/python .ci/pins.py

picture: $(STAMP)
	$(BIN)/python docs/images/make_report_picture.py

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
