# The commands to remember. demo and test set everything up in .venv by themselves.
PYTHON ?= python3
# what Python compiled is kept, whatever the shell says: the tests start hundreds of programs
export PYTHONDONTWRITEBYTECODE =
# as the command has it: tests that run beside each other do not wait with busy cores
export GOMP_SPINCOUNT = 3000
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile
# pip would compile on one core
COMPILE = .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true
PYTEST = .venv/bin/python -m pytest -n 2 --dist worksteal
ENV = .stamps/env
DEV = .stamps/dev

.PHONY: demo test check coverage hostile crash supply-chain bench docs clean
.DELETE_ON_ERROR:

demo: $(ENV)  ## A real photo and a voice become ./demo.mp4.
	.venv/bin/openfloat demo --output demo.mp4

test: $(DEV)  ## The test suite.
	$(PYTEST)

check: $(DEV)  ## What .ci/run runs: lint, types, layers, tests.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy & types=$$!; $(PYTEST) && wait $$types  # beside the tests, which wait a lot

coverage: $(DEV)  ## Which lines the test suite runs; a third slower.
	$(PYTEST) --cov --cov-report=term

hostile: $(DEV)  ## Every case of hostile input, and every round of killed processes.
	.venv/bin/python -m pytest -m hostile tests/hostile
	.venv/bin/python -m pytest -m crash tests/crash

supply-chain:  ## Pinned hashes, SBOM, licences and known flaws of what a release installs: supply-chain/.
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install --quiet 'torch>=2.6,<2.14'
	.venv-release/bin/python -m pip install --quiet '.[serve,provenance]'
	test -x .venv-tools/bin/python || $(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet cyclonedx-bom pip-licenses pip-audit
	mkdir -p supply-chain
	.venv-release/bin/python benchmarks/pinned.py supply-chain/constraints.txt
	.venv-tools/bin/cyclonedx-py environment --output-reproducible --gather-license-texts \
		-o supply-chain/sbom.cdx.json .venv-release/bin/python
	.venv-tools/bin/pip-licenses --python .venv-release/bin/python --format markdown \
		--with-urls --output-file supply-chain/licences.md
	-.venv-tools/bin/pip-audit --disable-pip --no-deps -r supply-chain/constraints.txt

bench: $(ENV)  ## Speed and memory, printed as ratios.
	.venv/bin/openfloat bench

docs: $(DEV)  ## The documentation as a site: site/index.html.
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet

$(ENV): pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	$(PIP) 'torch>=2.6,<2.14'
	$(PIP) --editable .
	$(COMPILE)
	mkdir -p .stamps && touch $@

$(DEV): $(ENV)
	$(PIP) --group dev
	$(COMPILE)
	touch $@

clean:
	rm -rf .venv .venv-release .venv-tools .stamps supply-chain site
