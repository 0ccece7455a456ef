PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test check lint format protos protos-check bench clean netns compose

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kubehop needs Python >= 3.11: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian or Ubuntu run: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing kubehop into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install
	@$(BIN)/kubehop demo

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --verbose 2>/dev/null || $(BIN)/lint-imports
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

bench: install
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
