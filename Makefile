# Needs `python3` (3.11 or newer) with venv, and the package registry; nothing else.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
JOBS   ?= 2
ARGS   ?=
WITH_TORCH := $(filter-out 0,$(PARITY))

.DEFAULT_GOAL := help
.PHONY: help demo test parity-full lint type docs doctest bench bench-all fuzz clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# One stamp per dependency group: a group is installed again when pyproject.toml changes. The
# pip that comes with a Python 3.11 knows no dependency groups, so pip itself comes first.
$(VENV)/stamp-base: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade "pip>=25.1"
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/stamp-demo: $(VENV)/stamp-base
	$(PIP) install --quiet --editable ".[demo]"
	@touch $@

$(VENV)/stamp-%: $(VENV)/stamp-base
	$(PIP) install --quiet --group $*
	@touch $@

demo: $(VENV)/stamp-demo  ## train a network on real images with an unmodified PyTorch program
	$(BIN)/flambeau run examples/digits.py $(ARGS)

test: $(VENV)/stamp-test $(if $(WITH_TORCH),$(VENV)/stamp-parity)  ## the whole suite; PARITY=1 compares with torch
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

parity-full: $(VENV)/stamp-test $(VENV)/stamp-parity  ## the long comparisons with torch
	PARITY=1 FLAMBEAU_PARITY_FULL=1 $(BIN)/python -m pytest -n $(JOBS) tests/parity $(ARGS)
	PARITY=1 VIEWS_PROGRAMS=2000 $(BIN)/python -m pytest tests/tensor/test_views_programs.py

lint: $(VENV)/stamp-lint  ## ruff and the import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(VENV)/stamp-type  ## pyright
	$(BIN)/pyright

doctest: $(VENV)/stamp-test  ## the examples in docstrings
	$(BIN)/python -m pytest --doctest-modules src/flambeau -p no:cacheprovider $(ARGS)

docs: $(VENV)/stamp-docs  ## the documentation site, in docs/_build/html
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/stamp-test $(VENV)/stamp-parity $(VENV)/stamp-bench  ## typical steps beside torch, JAX and Flax, into docs/benchmarks.md (ARGS=--quick)
	$(BIN)/flambeau bench --into docs/benchmarks.md --plot docs/benchmarks.png --json docs/benchmarks.json $(ARGS)

bench-all: $(VENV)/stamp-test $(VENV)/stamp-parity  ## the other measurements
	set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script $(ARGS); done

fuzz: $(VENV)/stamp-test $(VENV)/stamp-parity $(VENV)/stamp-fuzz  ## ten minutes of hostile checkpoints, guided by coverage
	$(BIN)/python -m tests.serialization.fuzz -max_total_time=$(or $(FUZZ_SECONDS),600) $(ARGS)

clean:  ## remove everything that the targets made
	rm -rf $(VENV) docs/_build docs/reference/generated demo-out build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
