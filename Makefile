# A few verbs. Each makes the environment first if it is not there.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test check bench bench-api models docs clean

demo: $(STAMP)  ## analyse the committed export and say where the journey map lies
	$(BIN)/painpoints analyze data/fixtures/demo/lakeside_broadband_nps.csv -o demo-out --title "Lakeside Broadband"

test: $(STAMP)  ## the tests; no network
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP)  ## style, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## figures beside peers and a floor of the same run (SIZES='10000 1000000')
	$(BIN)/python -m tests.benchmark $(SIZES)

bench-api: $(STAMP)  ## the service under load from a second process
	$(BIN)/python -m tests.benchmark.service

models: $(STAMP)  ## rebuild everything under models/ (needs DATA=../shared/data, hours; VERSION=4 goes on)
	$(BIN)/python -m painpoints_training.build --data $(or $(DATA),../shared/data) $(if $(VERSION),--version $(VERSION))

docs: $(STAMP)  ## rewrite the pages that are made from the code
	$(BIN)/python -m tests.documentation

clean:  ## remove the environment and what was made
	rm -rf .venv demo-out build dist .pytest_cache .mypy_cache .ruff_cache

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=23.2"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(STAMP)
