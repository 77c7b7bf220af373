# Two commands: `make run` and `make test`. `make help` lists the rest.
# ASTERISK=docker|system|local chooses where Asterisk comes from; by default the first that works.
# SIP_PORT, HTTP_PORT, AGI_PORT, WEB_PORT, MONITOR_PORT and RTP_START move the demo to other ports.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run call conformance test fuzz coverage bench chaos soak promises seed doctor lint lock clean
PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
INSTALLED := .venv/installed
INSTALLED_DEV := .venv/installed-dev
FIRST_DEMO_NUMBER := +74950000101
define SAY_HOW_TO_SEED
{ echo 'Say what the seed adds, and where it is described: make seed m="Kyiv office" from=kyiv.yaml'; \
    echo 'A description to begin with: $(BIN)/ari-app seed --template > kyiv.yaml'; exit 2; } >&2
endef

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Asterisk, controller, demo schemes, lab phones, until Ctrl-C
	@$(BIN)/python -m ari_app.lab.demo

call: $(INSTALLED) ## a real SIP test call: make call [to=NUMBER] [from=NUMBER]
	@$(BIN)/ari-app call --to "$(or $(to),$(FIRST_DEMO_NUMBER))" $(if $(from),--from "$(from)")

conformance: $(INSTALLED) ## a real test call to every number of the demo, each held against its simulation
	@$(BIN)/ari-app conformance

test: $(INSTALLED_DEV) ## every test, on real Asterisk and PostgreSQL [only=tests/unit]
	@$(BIN)/python -m ari_app.lab.tools $(only)
	@$(BIN)/python -m pytest $(only)

fuzz: $(INSTALLED_DEV) ## 100,000 numbers and caller ids, many rows, atheris on the parsers [seconds=60]
	@$(BIN)/python -m pytest tests/unit/test_fuzz.py --hypothesis-profile=fuzz
	@FUZZ_TIMES=20 $(BIN)/python -m pytest tests/storage/test_fuzz.py
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet 'atheris >=2.3'
	@for target in ari_event agi_request description; do \
	    $(BIN)/python -m tests.fuzzing $$target $(or $(seconds),60) || exit 1; done

coverage: $(INSTALLED_DEV) ## every line and branch of the core is reached by the unit tests alone
	@$(BIN)/python -m pytest tests/unit -q --cov=ari_app.core --cov-branch --cov-fail-under=100

bench: $(INSTALLED_DEV) ## compare with Asterisk's own Dial(); measure the outbox
	@$(BIN)/python -m benchmarks

chaos: $(INSTALLED_DEV) ## kill, freeze and cut everything under calls [kills=500] [seed=N] [rate=5] [only=controller,asterisk]
	@$(BIN)/python -m ari_app.lab.tools tests/chaos
	@$(BIN)/python -m tests.chaos $(foreach name,seed kills rate gap only database,$(if $($(name)),--$(name) $($(name)))) $(foreach name,hurried keep json,$(if $($(name)),--$(name)))

soak: $(INSTALLED_DEV) ## the same calls for long, nothing broken: does anything grow? [minutes=60] [rate=25]
	@$(BIN)/python -m ari_app.lab.tools tests/chaos
	@$(BIN)/python -m tests.chaos.soak $(foreach name,minutes rate,$(if $($(name)),--$(name) $($(name))))

promises: $(INSTALLED_DEV) ## every promise, its tests, and whether they passed
	@$(BIN)/python -m tests.promises

seed: $(INSTALLED) ## a new seed of schemes: make seed m="Kyiv office" from=FILE
	@$(if $(and $(m),$(from)),$(BIN)/ari-app seed -m "$(m)" "$(from)",$(SAY_HOW_TO_SEED))

doctor: $(INSTALLED) ## check everything that a call needs, and say how to mend it
	@$(BIN)/ari-app doctor

lint: $(INSTALLED_DEV) ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict ari_app tests
	$(BIN)/lint-imports

lock: ## pin the newest dependencies that setup.cfg allows; needs uv
	$(UV) pip compile --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	    --python-version 3.11 setup.cfg -o requirements.lock
	$(UV) pip compile --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	    --python-version 3.11 setup.cfg --extra dev -o requirements-dev.lock

clean: ## remove .venv, .asterisk, the demo's data and every cache
	rm -rf .venv .asterisk .run build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache .coverage* .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again when the lock or the package's metadata changed; what only tests and checks take comes when they are asked for.
$(INSTALLED): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "Python's venv module is missing. On Debian: sudo apt-get install -y python3-venv" >&2; exit 1; }
	@[ -x $(BIN)/python ] || { echo "Making .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m ari_app.lab.install requirements.lock
	@touch $@

$(INSTALLED_DEV): $(INSTALLED) requirements-dev.lock
	@$(BIN)/python -m ari_app.lab.install requirements-dev.lock
	@touch $@
