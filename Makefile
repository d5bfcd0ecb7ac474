# ocinb: `make help` lists what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    := $(BIN)/python -m

.PHONY: help demo test test-fast test-vm lint bench course docs lab clean faults fuzz wheel audit coverage mutants locked
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ocinb needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

locked: ## what CI installs: just what .ci/locked.txt names, each file by its hash
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@status=0; $(BIN)/python .ci/supply.py install || status=$$?; case $$status in \
	  0) touch $(VENV)/.installed $(VENV)/.installed-dev ;; \
	  3) echo "so what pyproject.toml allows is installed, whatever its bytes" ;; \
	  *) exit $$status ;; esac

demo: $(VENV)/.installed ## from a name to a process: the whole path, offline
	@$(BIN)/ocinb demo

lint: $(VENV)/.installed-dev ## ruff, mypy --strict, the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## everything that CI runs; what fails is looked at again, alone: tests/again.py
	@echo "$(RUN) pytest -n 2"; status=0; $(RUN) pytest -n 2 || status=$$?; case $$status in \
	  0) ;; 1) $(RUN) tests.again ;; *) exit $$status ;; esac

test-fast: $(VENV)/.installed-dev ## what takes a few minutes: no slow tests, no peers
	$(RUN) pytest -n 2 -x -q -m 'not slow and not peer'

test-vm: $(VENV)/.installed-dev ## control groups version 2, in a small virtual machine
	$(RUN) pytest tests/vm

wheel: $(VENV)/.installed-dev ## dist/: the wheel, built twice and compared, and what it is made of
	$(BIN)/python .ci/supply.py wheel

audit: $(VENV)/.installed-dev ## the locked dependencies against the known vulnerabilities (network)
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/python .ci/supply.py audit

coverage: $(VENV)/.installed-dev ## branches that all tests together take, in every process
	$(RUN) tests.reached --markdown docs/coverage.md

mutants: $(VENV)/.installed-dev ## tests against wrong versions of what must be right
	$(RUN) tests.mutants

SECONDS ?= 600

fuzz: $(VENV)/.installed-dev ## what reads strangers' bytes, SECONDS=600 for each kind of them
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(RUN) tests.fuzz --seconds $(SECONDS)

faults: $(VENV)/.installed-dev ## kill -9 in 200 rounds, and 400 calls that fail, at random points
	OCINB_SEED=$$(date +%s) OCINB_KILL_ROUNDS=20 OCINB_CRASH_ROUNDS=50 OCINB_FAULT_ROUNDS=100 \
	  $(RUN) pytest --timeout=7200 tests/pressure/test_killed_commands.py \
	  tests/pressure/test_failing_calls.py tests/engine/test_pull_killed.py

bench: $(VENV)/.installed-dev ## beside the peers, in one run: docs/benchmarks.md, and a page with plots
	$(RUN) tests.bench --json docs/benchmarks.json --markdown docs/benchmarks.md \
	  --html test-artefacts/benchmarks.html

course: $(VENV)/.installed-dev ## make the notebooks from their sources, record what has changed
	$(BIN)/python notebooks/build.py
	$(BIN)/python docs/live.py
	$(BIN)/python notebooks/record.py

docs: $(VENV)/.installed-dev ## build/site/html: the documentation, with every lesson as it ran here
	$(BIN)/python docs/site.py --execute build/site

lab: $(VENV)/.installed ## JupyterLab on the notebooks
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[lab]'
	$(BIN)/jupyter lab notebooks

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
