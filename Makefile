# `make score` runs a submission through the challenge; `make test` passes the tests. Both need Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# make score DATA=DIR SUBMISSION=PATH ARGS="--sets 3 --workers 1"
DATA ?=
SUBMISSION ?=
ARGS ?=

.PHONY: score test lint weights bench clean

score: $(VENV)/.installed
	$(RUN) -m ingestion_test score $(if $(DATA),--data "$(DATA)") $(if $(SUBMISSION),--submission "$(SUBMISSION)") $(ARGS)

test: $(VENV)/.installed lint
	$(RUN) -m pytest --numprocesses auto --dist loadfile $(ARGS)

lint: $(VENV)/.installed
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# The weights and tables of `submission/artifacts`, from simulated events; goes on where it was stopped.
weights: $(VENV)/.installed
	$(RUN) -m training all --preset default --artifacts submission/artifacts --resume $(ARGS)

# Timings beside their alternatives, in one run each, kept in docs/performance.md; make bench ARGS=fit: one of them.
bench: $(VENV)/.installed
	$(RUN) -m pip install --quiet -r benchmarks/requirements.txt
	$(RUN) -m benchmarks --docs docs $(ARGS)

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -r requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) runs .cache
