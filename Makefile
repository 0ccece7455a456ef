PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install venv-package demo test check lint format protos bench fuzz clean netns compose

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kubehop needs Python >= 3.11: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || $(MAKE) --no-print-directory venv-package
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing kubehop into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Debian and Ubuntu keep the venv module in a package of its own.
venv-package:
	@command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || { echo "$(PYTHON) -m venv does not work here: on Debian or Ubuntu, as root: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Debian's python3-venv ..."
	@apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install
	@$(BIN)/kubehop demo

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n 2 tests/unit tests/property tests/golden tests/datapath

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

protos: $(VENV)/.installed-dev
	@$(BIN)/python -m grpc_tools.protoc -Iprotos/gen=protos \
		--plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
		--python_out=. --grpc_python_out=. --mypy_out=. --mypy_grpc_out=. \
		$(patsubst protos/%,protos/gen/%,$(wildcard protos/v1/*.proto))

test: $(VENV)/.installed-dev
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest tests

netns: $(VENV)/.installed-dev
	@$(BIN)/pytest tests/netns

compose: $(VENV)/.installed-dev
	@$(BIN)/pytest tests/compose

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

bench: $(VENV)/.installed-bench
	@$(BIN)/python -m benchmarks

$(VENV)/.installed-fuzz: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

# A minute of coverage-guided nonsense for the packet path; FUZZ is for libFuzzer.
fuzz: $(VENV)/.installed-fuzz
	@$(BIN)/python -m tests.fuzz.packets $(FUZZ)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
