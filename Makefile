# make demo    the main job on the bundled checkpoint and data
# make test    the tests
# make check   lint, format and types
# Each builds .venv first: from constraints.txt, and again when that or pyproject.toml has changed.

# The first Python 3.11 or newer there is; `make PYTHON=...` chooses another.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14,$(if $(shell \
	$(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
endif
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet --no-input

.PHONY: demo test check format data docs checkpoint clean

demo: $(STAMP)
	$(BIN)/vleval run --model bundled --task refcoco --max-pixels 16t,36t,64t

test: $(STAMP)
	$(BIN)/pytest

check: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# What is bundled, the examples and the README's pictures, written again. The clips depend on the encoder's
# version, byte for byte.
data: $(STAMP)
	$(BIN)/python -m vleval.tasks.worlds.write --output tasks/bundled --seed 2025
	$(BIN)/python -m vleval.tasks.worlds.write --examples examples --seed 2025
	$(BIN)/vleval ground examples/scene.png "the blue circle below the orange circle" --model bundled --quiet --save docs/images/ground.png
	$(BIN)/vleval locate examples/clip.mp4 "a green square is visible" --model bundled --quiet --save docs/images/locate.png

# The page of all benchmarks, out of their cards.
docs: $(STAMP)
	$(BIN)/vleval tasks docs > docs/benchmarks.md

# The bundled checkpoint's stage from scratch (about an hour on two cores), into training/checkpoint.
checkpoint: $(STAMP)
	$(BIN)/vleval train finetune --output training

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "vleval needs Python 3.11 or newer; pass it as: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Building $(VENV) from constraints.txt (once; takes some minutes) ..." >&2
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --constraint constraints.txt setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable ".[dev]"
	@touch $@
