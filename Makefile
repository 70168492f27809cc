# Two commands for a newcomer: `make demo` and `make test`. Each makes its own environment first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo docs test test-more lint types tests other-torch exercises wheel coverage clean

demo: .venv/installed
	$(BIN)/layerscape demo --out demo

# Pages of the tree and pages made from the code, in build/docs/html; any warning fails.
docs: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.docs build/docs

test: lint types tests

test-more: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m more

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/pyright

# One thread per worker: more would only wait for each other.
tests: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not more"

# The notebooks of exercises/, from the scripts beside them.
exercises: .venv/installed
	$(BIN)/python tools/exercises.py

# Networks of libraries that want another torch, in an environment of their own: 5.6 GB, removed afterwards.
other-torch:
	$(PYTHON) tools/other_torch.py --write

# The versions are those of constraints.txt; the stamp is written last, so that a broken install is done again.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo dist build
