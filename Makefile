# The commands to remember. demo and test set everything up in .venv by themselves.
PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
ENV = .stamps/env
DEV = .stamps/dev

.PHONY: demo test check bench docs clean
.DELETE_ON_ERROR:

demo: $(ENV)  ## A real photo and a voice become ./demo.mp4.
	.venv/bin/openfloat demo --output demo.mp4

test: $(DEV)  ## The test suite.
	.venv/bin/python -m pytest -n 2

check: $(DEV)  ## What .ci/run runs: lint, types, layers, tests with coverage.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n 2 --cov --cov-report=term

bench: $(ENV)  ## Speed and memory, printed as ratios.
	.venv/bin/openfloat bench

docs: $(DEV)  ## The documentation as a site: site/index.html.
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet

$(ENV): pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	$(PIP) 'torch>=2.6,<2.14'
	$(PIP) --editable .
	mkdir -p .stamps && touch $@

$(DEV): $(ENV)
	$(PIP) --group dev
	touch $@

clean:
	rm -rf .venv .stamps site
