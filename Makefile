PYTHON ?= python3
VENV := .venv
VENV36 := .venv-triton-3.6
BIN := $(VENV)/bin
WORKERS ?= 2

# The FP fusion default changes in Triton 3.10; saying it keeps results the same across versions.
export TRITON_DEFAULT_FP_FUSION := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-triton-3.6 check format examples golden clean

help:
	@echo "make demo             optimize the kernel of the reference prompt and show what came out"
	@echo "make test             the tests, with the newest supported Triton"
	@echo "make test-triton-3.6  the tests that touch Triton, with Triton 3.6"
	@echo "make check            ruff, mypy --strict, import-linter, file and function lengths"
	@echo "make format           format the sources"
	@echo "make examples         write examples/ and the golden files again"

$(VENV)/.installed: pyproject.toml constraints/main.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/main.txt --editable '.[dev]'
	@touch $@

$(VENV36)/.installed: pyproject.toml constraints/triton-3.6.txt
	$(PYTHON) -m venv $(VENV36)
	$(VENV36)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/triton-3.6.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/python scripts/demo.py

test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# The rooms whose behaviour depends on Triton's version.
test-triton-3.6: $(VENV36)/.installed
	$(VENV36)/bin/python -m pytest -n $(WORKERS) -m 'not one_triton' \
		tests/capture tests/compiler tests/families tests/lint tests/prove tests/timing tests/workers tests/cli/test_optimize.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lengths.py
	@! git grep -nE '^(<<<<<<<|>>>>>>>) ' || { echo "a merge was not finished here"; exit 1; }

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

examples: install
	TILEWRIGHT_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -n $(WORKERS) tests/families tests/examples

clean:
	rm -rf $(VENV) $(VENV36) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
