# `make demo` and `make test` are all a newcomer needs; each installs what it lacks.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCHMARKED := $(VENV)/.benchmarked

.PHONY: demo serve test test-nights test-slow test-scale test-browser test-kill test-fuzz test-mutants bench bench-quick bench-million lint format clean requirements audit

demo: $(INSTALLED)
	$(BIN)/vkflow demo --posts 2000

# Files begin in the order that tests/conftest.py gives them.
BESIDE := -n 2 --dist loadfile --no-loadscope-reorder
test: $(INSTALLED)
	$(BIN)/pytest -m "not night and not slow and not browser and not scale" $(BESIDE)

# Whole nights in good and in bad luck, processes that are killed or beside each other, and the honesty
# of the numbers on worlds of 3,000 posts.
test-nights: $(INSTALLED)
	$(BIN)/pytest -m "night and not slow and not browser and not scale" $(BESIDE)

test-slow: $(INSTALLED)
	$(BIN)/pytest -m slow

# Ray, an object store and DuckLakes, which the warehouse's tests run on, too, in a network and with
# processes of their own: Ray listens on every interface it finds.
test-scale: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[scale]'
	unshare --net --pid --fork --kill-child --mount-proc sh -c '$(BIN)/python -m tests.scale; exit $$?'

# Chromium comes from Debian's packages where it is missing.
test-browser: $(INSTALLED)
	command -v chromium >/dev/null || (apt-get update && apt-get install --yes chromium)
	$(BIN)/pytest -m browser

# Kills a night 50 times (as often as 90 minutes allow), lets it finish, and compares; then pulls,
# publishes, maintenances and restores, 50 times in turns; prints what came of it.
test-kill: $(INSTALLED)
	$(BIN)/python -m tests.flows.killing
	$(BIN)/python -m tests.flows.killing_steps

# Hostile files, pictures, texts and settings for ten minutes, other ones in every round.
FUZZ_SECONDS ?= 600
test-fuzz: $(INSTALLED)
	end=$$(( $$(date +%s) + $(FUZZ_SECONDS) )); while [ $$(date +%s) -lt $$end ]; do \
	  FUZZ_EXAMPLES=300 $(BIN)/pytest -q tests/fuzz -p no:cacheprovider || exit 1; done

# Plants some 70 defects (leaks, wrong windows, weights, signs, orders) in copies of the code, one at
# a time, and runs the tests that are to notice: a table, and an error if one is not noticed.
test-mutants: $(INSTALLED)
	$(BIN)/python -m tests.mutants

# What production installs, with hashes; then known vulnerabilities of it.
requirements: $(INSTALLED)
	$(BIN)/pip install --quiet --dry-run --ignore-installed --only-binary :all: \
	  --report $(VENV)/report.json -c constraints.txt '.[postgres]' asyncpg 'setuptools>=77'
	$(BIN)/python deployments/pin.py < $(VENV)/report.json > deployments/requirements.txt

audit: $(INSTALLED)
	$(BIN)/python deployments/audit.py

# Beside what people would use instead: an hour on a quiet machine, or three minutes.
bench: $(BENCHMARKED)
	$(BIN)/python -m tests.benchmarks

bench-quick: $(BENCHMARKED)
	$(BIN)/python -m tests.benchmarks --quick

# A night of a million posts by 10,000 owners, beside one with a tenth of both: two hours or more.
bench-million: $(BENCHMARKED)
	$(BIN)/python -m tests.benchmarks --only million

serve: $(INSTALLED)
	$(BIN)/vkflow serve

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house_rules

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) data

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

$(BENCHMARKED): $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@
