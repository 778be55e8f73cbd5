# Two commands: `make demo` and `make test`. Each sets up everything it needs in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests run side by side on the cores that there are; each process keeps torch to one thread.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
NATIVE := $(shell find native -type f 2>/dev/null) CMakeLists.txt

.PHONY: demo test test-deep test-emulated test-native lint types contracts unit clean
.DELETE_ON_ERROR:

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The build tools go in first so that the editable install can rebuild without isolation.
$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt $(NATIVE)
	$(PIP) install -q -c constraints.txt scikit-build-core nanobind ninja
	$(PIP) install -q -c constraints.txt --no-build-isolation -e ".[demo,dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py $(ARGS)

test: lint types contracts unit

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

contracts: $(VENV)/.installed
	$(BIN)/lint-imports

unit: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not deep"

test-deep: $(VENV)/.installed
	RECURRA_HYPOTHESIS=deep OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# Builds of their own. One emulates AVX-512 and AMX, so that their code is tested where the processor
# has neither; one also stops at the first bad address or undefined behaviour. Python itself is not
# built so: the sanitizers' libraries are loaded ahead of it, and its own leaks are not looked for.
EMULATED := build/emulated
SANITIZED := build/sanitized
SANITIZERS = $(shell $(CXX) -print-file-name=libasan.so) $(shell $(CXX) -print-file-name=libubsan.so)
NATIVE_BUILD = PATH="$(abspath $(BIN)):$$PATH" cmake -S . -G Ninja -DRECURRA_EMULATE=ON \
	-DPython_EXECUTABLE=$(abspath $(BIN))/python

test-emulated: $(VENV)/.installed
	$(NATIVE_BUILD) -B $(EMULATED)
	PATH="$(abspath $(BIN)):$$PATH" cmake --build $(EMULATED)
	OMP_NUM_THREADS=1 $(BIN)/python native/run_tests.py $(EMULATED) $(ARGS)

test-native: $(VENV)/.installed
	$(NATIVE_BUILD) -B $(SANITIZED) -DRECURRA_SANITIZE=ON -DCMAKE_BUILD_TYPE=None
	PATH="$(abspath $(BIN)):$$PATH" cmake --build $(SANITIZED)
	LD_PRELOAD="$(SANITIZERS)" ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 \
		$(BIN)/python native/run_tests.py $(SANITIZED) $(ARGS)

clean:
	rm -rf $(VENV) build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
