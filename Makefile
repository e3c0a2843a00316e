# What a person types. All logic is in Python; `make up` and `make test` need Python 3.11+ and make.
PYTHON ?= python3
MINUTES ?= 3
RACES ?= 5000
PARCELS ?= 10000
RACE_FAULTS := kill,kill-between-send-and-sent,rebalance,zombie,slow,cut,flaky,silent,locked,repeated
VENV := .venv/bin
VENDOR := services/portal/src/waybill_portal/pages/static/vendor
ZPL := services/labels/tests/zpl
DISTRIBUTIONS := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml tools/*/pyproject.toml))

.PHONY: up down clean test chaos races purchases mutant bench lint fmt docs freeze lock env
.DEFAULT_GOAL := up

up: env
	@$(VENV)/waybill up

down:
	@test ! -x $(VENV)/waybill || $(VENV)/waybill down

clean: down
	@test ! -x $(VENV)/waybill || $(VENV)/waybill clean
	rm -rf .venv

env: .venv/ready $(VENDOR)/ready

$(ZPL)/node_modules: $(ZPL)/package-lock.json .venv/ready
	@echo "Fetching a printer for tests (once)"
	@cd $(ZPL) && PATH="$(CURDIR)/$(VENV):$$PATH" npm ci --loglevel=error --no-progress > /dev/null
	@touch $@

$(VENDOR)/ready: services/portal/package-lock.json .venv/ready
	@echo "Fetching browser assets (once)"
	@cd services/portal && PATH="$(CURDIR)/$(VENV):$$PATH" npm ci --loglevel=error --no-progress > /dev/null
	@mkdir -p $(VENDOR)
	@cp services/portal/node_modules/htmx.org/dist/htmx.min.js services/portal/node_modules/htmx-ext-sse/sse.js $(VENDOR)/
	@touch $@

.venv/ready: requirements.lock $(wildcard libs/*/pyproject.toml services/*/pyproject.toml tools/*/pyproject.toml)
	@echo "Installing Python packages (once, about a minute)"
	@test -x $(VENV)/uv || { $(PYTHON) -m venv .venv && $(VENV)/pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[^ ]*' requirements.lock)"; }
	@$(VENV)/uv pip install --quiet --python $(VENV)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(VENV)/uv pip install --quiet --python $(VENV)/python --no-deps --no-build-isolation $(patsubst %,-e ./%,$(DISTRIBUTIONS))
	@touch $@

test: env lint $(ZPL)/node_modules
	$(VENV)/pytest -n 3 --no-loadscope-reorder

chaos: env
	@WAYBILL_STEPS=100000 $(VENV)/pytest -q --timeout=0 services/fulfillment/tests/test_machine.py
	@PYTHONPATH=tests/chaos $(VENV)/python -m waybill_chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

races: MINUTES = 90
races: env
	@PYTHONPATH=tests/chaos $(VENV)/python -m waybill_chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) --races $(RACES) --only $(RACE_FAULTS)

purchases: env
	@PYTHONPATH=tests/chaos $(VENV)/python -m waybill_chaos.purchases --parcels $(PARCELS) $(if $(SEED),--seed $(SEED))

mutant: env
	@PYTHONPATH=tests/chaos $(VENV)/python -m waybill_chaos.mutants $(PATCH)

bench: env
	$(VENV)/python -m bench $(if $(SHORT),--short --out .waybill-bench)

lint: env
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/python tools/checks/annotations.py
	$(VENV)/python tools/checks/imports.py
	$(VENV)/python tools/checks/golden.py check
	$(VENV)/python tools/checks/documents.py --check
	$(VENV)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

fmt: env
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

docs: env
	$(VENV)/python tools/checks/documents.py

freeze: env
	$(VENV)/python tools/checks/golden.py freeze

lock: env
	$(VENV)/uv pip compile requirements.in --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock
