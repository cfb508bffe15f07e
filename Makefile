# Needs make, Python 3.11 or newer and Terraform. Everything else is installed into .venv and .venv-emulator. The tests of
# the pages also need Chromium: one on the PATH or in CHROMIUM=..., else it is downloaded (tools/browser.py).

# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif
TERRAFORM ?= terraform
export TERRAFORM

RUN := .venv/bin/python
PYTEST := $(RUN) -m pytest
# On all processors, the tests of a file by the same process. Not the files with the most tests first, which is the
# default: those that run Terraform have few tests, and would be left for the end, where the other processes are idle.
SPREAD := $(PYTEST) --numprocesses auto --dist loadfile --no-loadscope-reorder

# Each has a target of its own.
SLOW := tests/e2e/test_acceptance.py tests/e2e/test_interrupted.py

# Half of the end to end tests, by the examples that they apply. An apply waits most of its time.
QUEUES := $(patsubst %,tests/e2e/test_%.py,complete events intake queue tools)
IN_PAIRS := $(MAKE) --no-print-directory --jobs 2

.DEFAULT_GOAL := help
.PHONY: help demo playground test test-without-aws test-tokens test-queues test-faults lint scan unit terraform-test versions e2e interruptions acceptance chaos fuzz mutation redrive bench bench-check environments terraform terraform-for-tests browser python clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: terraform environments ## show the module at work on a local AWS, from apply to destroy (five minutes)
	@$(RUN) -m tools.demo

playground: terraform environments ## serve a page to push to, on a local AWS, until Ctrl-C (PORT=8080)
	@$(RUN) -m tools.playground --port $(or $(PORT),8080)

test: terraform-for-tests browser ## lint, scan, terraform test and the Python tests, end to end included (what takes long has targets of its own)
	@$(IN_PAIRS) lint scan
	@$(IN_PAIRS) test-without-aws test-tokens
	@$(IN_PAIRS) test-queues test-faults

test-without-aws: terraform-for-tests browser
	@$(SPREAD) --ignore tests/e2e --ignore tests/chaos

test-tokens: terraform browser
	@$(PYTEST) tests/e2e $(SLOW:%=--ignore %) $(QUEUES:%=--ignore %)

test-queues: terraform environments
	@$(PYTEST) $(QUEUES)

test-faults: terraform environments
	@$(PYTEST) tests/chaos

lint: terraform environments ## ruff, mypy --strict, terraform fmt and validate
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(TERRAFORM) fmt -check -diff -recursive
	@$(RUN) -m tools.checks

scan: python ## look for insecure settings in the module and the examples (checkov)
	@$(PYTHON) -m tools.environments checkov
	@.venv-checkov/bin/checkov --config-file .checkov.yaml

unit: environments ## run the Python tests that need neither Terraform nor the emulator
	@$(PYTEST) -p no:terraform tests/unit tests/handlers tests/packaging tests/examples tests/browser tests/fuzz

terraform-test: terraform-for-tests environments ## run terraform test (tests/terraform; Terraform 1.11 or newer)
	@$(SPREAD) tests/terraform

versions: environments ## run the module on Terraform 1.9, 1.10 and 1.15: init, validate, plan, test, apply (Linux; ten minutes)
	@$(PYTHON) -m tools.environments terraform-1.9 terraform-1.10 terraform-1.15
	@$(RUN) -m tools.versions

e2e: terraform browser ## apply the example to the local AWS and test it over WebSockets
	@$(PYTEST) tests/e2e $(SLOW:%=--ignore %)

interruptions: terraform environments ## interrupt and kill an apply at every point of its course, and finish it elsewhere (ten minutes)
	@$(PYTEST) --numprocesses auto tests/e2e/test_interrupted.py

acceptance: terraform environments ## test verify-aws and doctor on the local AWS (seven minutes)
	@$(PYTEST) tests/e2e/test_acceptance.py

chaos: terraform environments ## play the fault scenarios at full length, then the load (SEED=... repeats a run's choices, ONLY="8 load" runs these)
	@PYTHONPATH=lambda $(RUN) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

.PHONY: verify-aws doctor
verify-aws: terraform python ## try the module on an AWS account, measure it, destroy it (REGION=, YES=1, CONNECTIONS=1,100, CLEAN=NAME)
	@$(PYTHON) -m tools.environments dev
	@$(RUN) -m tools.acceptance verify $(if $(REGION),--region $(REGION)) $(if $(CONNECTIONS),--connections $(CONNECTIONS)) \
		$(if $(YES),--yes) $(if $(CLEAN),--clean $(CLEAN))

doctor: python ## look at a deployment in use, with two notifications to a test user (ROOT=FOLDER, or URL=wss://... ARN=arn:aws:lambda:...)
	@$(PYTHON) -m tools.environments dev
	@$(RUN) -m tools.acceptance doctor $(if $(ROOT),--root '$(ROOT)') $(if $(URL),--websocket-url '$(URL)') \
		$(if $(ARN),--push-function-arn '$(ARN)')

fuzz: environments ## give the functions tens of thousands of made-up events
	@FUZZ_EXAMPLES=5000 $(PYTEST) -p no:terraform -o faulthandler_timeout=3600 tests/fuzz

redrive: environments ## push dead letters again, under their ids (FROM=<queue URL> TO=<queue URL or function ARN>)
	@PYTHONPATH=lambda $(RUN) -m tools.redrive --from "$(FROM)" --to "$(TO)" $(if $(NEW_IDS),--new-ids)

mutation: environments ## change the sources place by place, and see what no test notices (hours; PARTS=push/refusals.py)
	@$(PYTHON) -m tools.environments mutation
	@$(RUN) -m tools.mutation $(PARTS)

bench: terraform environments ## measure the delivery against boto3, aiobotocore, the AWS Common Runtime, the Node SDK and wrk (ten minutes)
	@$(PYTHON) -m tools.environments bench
	@if command -v npm >/dev/null; then npm ci --silent --prefix benchmarks/node; fi
	@.venv-bench/bin/python -m benchmarks
	@.venv-bench/bin/python -m benchmarks emulated

bench-check: environments ## compare what was measured with the targets; fails below them
	@$(RUN) -m benchmarks check

.PHONY: packages docs
packages: python ## build every function's zip, with checksums, into dist/, as a release holds them
	@$(PYTHON) -m tools.release packages

docs: environments ## write the tables of inputs and outputs in every README from variables.tf and outputs.tf
	@$(RUN) -m tools.readme_tables

environments: python ## make .venv and .venv-emulator, where missing or outdated
	@$(PYTHON) -m tools.environments dev emulator

clean: ## remove what the other targets have made
	rm -rf .build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .venv .venv-bench .venv-checkov .venv-emulator .venv-mutation .venv-terraform-*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo 'Python 3.11 or newer is needed and $(PYTHON) is not on the PATH: see https://www.python.org/downloads/' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; from tools.environments import missing; sys.exit(missing() or 0)'

terraform: python
	@$(PYTHON) -m tools.terraform

terraform-for-tests: python
	@$(PYTHON) -m tools.terraform tests

browser: environments
	@$(RUN) -m tools.browser
