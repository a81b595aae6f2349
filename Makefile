# `make demo` needs nothing but Python 3.11 or newer; the first target that runs makes .venv.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := bot tests bench

.PHONY: demo story gallery screenshot test test-full test-all lint types tests fuzz bench chaos coverage lock licences audit clean
.DEFAULT_GOAL := test

# A local Slack in the browser, a local Monogoto and the bot between them; no account needed. Settings:
# make demo DEMO="--things 100000 --http --port 8080", or DEMO=--help.
DEMO :=
demo: $(READY)
	@$(BIN)/python -m bot.sandbox.demo $(DEMO)

# The same people, by themselves: a transcript whose exit code says whether all came as expected.
story: $(READY)
	$(BIN)/python -m bot.sandbox.story

# Every view and message that the tests made the bot send, one of each, on a page at both widths.
gallery: $(READY)
	rm -rf .gallery
	$(BIN)/python -m pytest -n auto --gallery .gallery/sent tests/scenarios
	$(BIN)/python -m tests.gallery.page .gallery/sent .gallery/gallery.html

# The README's opening picture; needs a Chromium.
screenshot: $(READY)
	$(BIN)/python -m tests.browser.shots docs/demo.png

test: lint types tests

lint: $(READY)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

tests: $(READY)
	$(BIN)/python -m pytest -n auto

# The same on every Python from 3.11 up that this machine has, each in .venvs/, one after the other: as many times as
# long as `make tests`. TESTS=tests/domain for a part, PYTHONS="3.12 3.13" for some of them.
TESTS := tests
PYTHONS :=
test-all:
	@PYTHONS="$(PYTHONS)" sh tests/all_pythons.sh $(TESTS)

# Bulks and groups at their full sizes, which `make tests` takes smaller.
test-full: $(READY)
	STEERED_ROWS=60 MANY_THINGS=100000 $(BIN)/python -m pytest -n auto \
	  tests/scenarios/test_bulk_steered.py tests/scenarios/test_groups_of_many.py

# The fuzz tests with fifty times as many examples; FUZZ=500 for a night.
FUZZ := 50
fuzz: $(READY)
	FUZZ=$(FUZZ) $(BIN)/python -m pytest -n auto --timeout 86400 tests/fuzz

# How fast the bot is, as ratios within one run: the table of docs/benchmarks.md. Ends by itself.
bench: $(READY)
	$(BIN)/python -m bench

# Broken on purpose: whole lives of the bot under kills and faults of every kind. The last line says what broke,
# a round that broke is printed with the command that repeats it.
ROUNDS := 10000
SEED := 1
chaos: $(READY)
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED)

# The same tests, slower, with what they leave out: lines and branches.
coverage: $(READY)
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

# Pinned names, versions and hashes for every Python from 3.11 on; needs uv. pip installs them, nothing else.
# With what PostgreSQL needs: one file serves both stores. Extras stay in the lock: pip before 23.3 takes "coverage[toml]" for a package that "coverage==…" does not pin.
LOCK = $(if $(wildcard $(BIN)/uv),$(BIN)/uv,uv) pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-strip-extras --extra cluster --quiet

lock:
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

# The table of docs/licences.md, from what is installed of requirements.txt.
licences: $(READY)
	$(BIN)/python -m tests.licences docs/licences.md

# What is known to be wrong with the pinned packages. --strict: a package that nobody could look up is no pass.
# The auditor stands apart from what it judges, and is always the newest.
AUDITOR := .venvs/auditor
audit: $(READY)
	@if [ ! -x $(AUDITOR)/bin/python ]; then $(BIN)/python -m venv $(AUDITOR); fi
	@$(AUDITOR)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip-audit
	$(AUDITOR)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

# Installed anew only when the lock has changed.
$(READY): requirements-dev.txt
	@set -e; \
	if [ ! -x $(BIN)/python ]; then \
	  for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$${found:-}" ]; then echo "Python 3.11 or newer is needed: please install it, then try again."; exit 1; fi; \
	  if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found can't make virtual environments: please install its venv package (python3-venv on Debian and Ubuntu)."; exit 1; \
	  fi; \
	  $$found -m venv $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) .venvs .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .demo .gallery
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
