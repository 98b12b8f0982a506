# Everything runs in .venv, made from the locked dependencies; Python 3.11 or newer is all that has to be there.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Every line and branch of the rules and of the chart reading has to be seen by a test of these. They run traced, the
# others do not: tracing the rules doubles the time of every test that calls them.
COVERAGE_BAR ?= 100
COVERING := tests/clinical tests/fhir tests/test_site_profile.py tests/test_rules_md.py \
  $(addprefix tests/hooks/test_,cards.py dose_review.py dose_review_during_course.py orders.py unread_medications.py)
COVERAGE_HELD := cds_service/clinical/*,cds_service/fhir/mapping*

# As many test processes as there are processors, unless told otherwise.
TEST_PROCESSES ?= auto

# An installed package is compiled; a checkout is only where Python may write beside it, and starts slowly if not.
COMPILED := $(BIN)/python -m compileall -q cds_service

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11

SECONDS_OF_SOAK ?= 900
# The time written into a wheel: that of the last commit, or a fixed one outside a checkout.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1767225600)

.DEFAULT_GOAL := help
.PHONY: help demo test lint hapi test-hapi test-postgres test-replicas test-browser pictures bench bench-smoke soak \
  lock rules fixtures goldens conformance mutants wheel sbom audit check-manifests check-image clean

help: ## Show these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(COMPILED)
	@touch $(READY)

demo: $(READY) ## Serve on 127.0.0.1:8000 with fixture patients and print the cards of some
	$(BIN)/cds-service demo

test: $(READY) ## Run the tests and hold the coverage of the rules and the chart reading
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal --cov --cov-report= $(COVERING)
	$(BIN)/python -m coverage report --skip-covered --include='$(COVERAGE_HELD)' --fail-under=$(COVERAGE_BAR)
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal $(COVERING:%=--ignore=%)

lint: $(READY) ## Check style, format, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

hapi: ## Run a real HAPI FHIR R4 server on 127.0.0.1:8085/fhir (Java 17 and Maven)
	hapi/serve

test-hapi: $(READY) ## Run the fixtures through HAPI end to end
	hapi/with-server $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal -m hapi tests/integration

test-postgres: $(READY) ## Run the store on a PostgreSQL server of its own (Debian: postgresql)
	$(BIN)/python -m pytest -m postgres tests/integration

test-replicas: $(READY) ## Run two replicas behind nginx on one PostgreSQL (Debian: nginx-light, postgresql)
	$(BIN)/python -m pytest -m replicas tests/integration

bench: $(READY) ## Measure the service beside a floor and its peers (15 minutes); writes benchmarks/results/
	@$(COMPILED)
	$(BIN)/python -m benchmarks

bench-smoke: $(READY) ## Measure the service and the floor once and briefly; writes build/benchmarks/smoke/
	@$(COMPILED)
	$(BIN)/python -m benchmarks --smoke

soak: $(READY) ## Call at a fixed rate while the FHIR server fails (SECONDS_OF_SOAK=900); every answer is compared
	$(BIN)/python -m benchmarks.soak --seconds $(SECONDS_OF_SOAK)

test-browser: $(READY) ## Use the pages in a real browser (Chromium); screenshots stay in build/screenshots
	$(BIN)/python -m pytest -m browser tests/browser

pictures: $(READY) ## Take the pictures of the README again (Chromium)
	$(BIN)/python -m tests.take_pictures

lock: $(READY) ## Resolve the dependencies again, with hashes and without any index address
	$(COMPILE) --extra dev --group build -o requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock -o requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --group build -o requirements-build.lock
	$(COMPILE) --constraint requirements-dev.lock -o requirements-tools.lock release/tools.in

rules: $(READY) ## Render RULES.md from the rule tables
	$(BIN)/python -m cds_service.clinical.rules_md > RULES.md.new
	mv RULES.md.new RULES.md

fixtures: $(READY) ## Write fhir_fixtures/ from the case tables
	$(BIN)/python -m tests.write_fixtures

conformance: $(READY) ## Write docs/conformance.md from the conformance tests
	$(BIN)/python -m tests.conformance.write_table

goldens: $(READY) ## Write tests/goldens/, the wording of every fixture case, for reading
	$(BIN)/python -m tests.write_goldens

mutants: $(READY) ## Change the rules one by one and see the tests fail (an hour of processor time; not part of .ci/run)
	rm -rf mutants
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -P tests/mutation_run.py
	$(BIN)/python -m tests.mutation_score

wheel: $(READY) ## Build the wheel into dist/, the same bytes from the same sources
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(BIN)/python \
	  -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .

# Tools of a release, in an environment of their own: nothing of the service needs them.
build/tools/.ready: requirements-tools.lock
	$(PYTHON) -m venv build/tools
	build/tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@touch $@

sbom: build/tools/.ready ## Write the bill of materials of what is locked, as CycloneDX, into dist/
	@mkdir -p dist
	build/tools/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
	  -o dist/cds-service.cdx.json

audit: $(READY) build/tools/.ready ## Look the locked packages up among known vulnerabilities, where that can be done
	$(BIN)/python -m release.audit build/tools/bin/pip-audit

check-manifests: build/tools/.ready ## Hold deploy/kubernetes/ against the schema of Kubernetes
	build/tools/bin/kubernetes-validate --strict --kubernetes-version 1.37 deploy/kubernetes/*.yaml

check-image: ## Make the environment of the image twice and compare every byte
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) PYTHON=$(PYTHON) release/install-twice build/image

clean: ## Remove what was built, .venv included
	rm -rf .venv dist build mutants hapi/target benchmarks/hapi-cds/target .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
