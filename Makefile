# Everything runs in .venv, made from the locked dependencies; Python 3.11 or newer is all that has to be there.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Every line and branch of the rules and of the chart reading has to be seen by a test.
COVERAGE_BAR ?= 100
COVERAGE_HELD := cds_service/clinical/*,cds_service/fhir/mapping*

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help demo test lint hapi test-hapi lock rules fixtures goldens mutants wheel clean

help: ## Show these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## Serve on 127.0.0.1:8000 with fixture patients and print the cards of some
	$(BIN)/cds-service demo

test: $(READY) ## Run the tests and hold the coverage of the rules and the chart reading
	$(BIN)/python -m pytest --cov --cov-report=
	$(BIN)/python -m coverage report --skip-covered --include='$(COVERAGE_HELD)' --fail-under=$(COVERAGE_BAR)

lint: $(READY) ## Check style, format, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

hapi: ## Run a real HAPI FHIR R4 server on 127.0.0.1:8085/fhir (Java 17 and Maven)
	hapi/serve

test-hapi: $(READY) ## Run the fixtures through HAPI end to end
	hapi/with-server $(BIN)/python -m pytest -m hapi tests/integration

lock: $(READY) ## Resolve the dependencies again, with hashes and without any index address
	$(COMPILE) --extra dev --group build -o requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock -o requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --group build -o requirements-build.lock

rules: $(READY) ## Render RULES.md from the rule tables
	$(BIN)/python -m cds_service.clinical.rules_md > RULES.md.new
	mv RULES.md.new RULES.md

fixtures: $(READY) ## Write fhir_fixtures/ from the case tables
	$(BIN)/python -m tests.write_fixtures

goldens: $(READY) ## Write tests/goldens/, the wording of every fixture case, for reading
	$(BIN)/python -m tests.write_goldens

mutants: $(READY) ## Change the rules one by one and see the tests fail (hours; not part of .ci/run)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mutmut run
	$(BIN)/python -m tests.mutation_score

wheel: $(READY) ## Build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .

clean: ## Remove what was built, .venv included
	rm -rf .venv dist build mutants hapi/target .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
