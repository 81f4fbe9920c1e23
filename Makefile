# `make score` runs a submission through the challenge; `make test` passes the tests. Both need Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# make score DATA=DIR SUBMISSION=PATH ARGS="--sets 3 --workers 1"
DATA ?=
SUBMISSION ?=
IMAGE ?=
ARGS ?=

.PHONY: score quick test old lint weights bench clean

# make score IMAGE=1 runs it on Python 3.10 and versions as the image has them (some GB, as for `make old`).
SCORING := $(VENV)$(if $(IMAGE),-image)
score: $(SCORING)/.installed
	$(SCORING)/bin/python -m ingestion_test score $(if $(DATA),--data "$(DATA)") $(if $(SUBMISSION),--submission "$(SUBMISSION)") $(ARGS)

# Tests without those marked slow or browser.
quick: $(VENV)/.installed
	$(RUN) -m pytest --numprocesses auto --dist worksteal -m "not slow and not browser" $(ARGS)

test: $(VENV)/.installed lint
	$(RUN) -m pytest --numprocesses auto --dist worksteal $(ARGS)

# The upload on the oldest versions that it is promised to run on (3 GB of downloads, most of it CUDA for torch 2.3: the
# index in PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu spares them), against the installed ones.
OLD_PYTHON ?= python3.10
old: $(VENV)/.installed $(VENV)-old/.installed
	OTHER_PYTHON="$(CURDIR)/$(VENV)-old/bin/python" $(RUN) -m pytest -rP tests/upload/test_other_versions.py

$(VENV)-old/.installed: tests/upload/oldest.txt
$(VENV)-image/.installed: upload/image.txt
$(VENV)-old/.installed $(VENV)-image/.installed:
	$(OLD_PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet -r $<
	@touch $@

lint: $(VENV)/.installed
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# The weights and tables of `submission/artifacts`, from simulated events; goes on where it was stopped.
weights: $(VENV)/.installed
	$(RUN) -m training all --preset default --artifacts submission/artifacts --resume $(ARGS)
	$(RUN) -m training all --preset no-flows --resume $(ARGS)

# Timings beside their alternatives, in one run each, kept in docs/performance.md; make bench ARGS=fit: one of them.
bench: $(VENV)/.installed
	$(RUN) -m pip install --quiet -r benchmarks/requirements.txt
	$(RUN) -m benchmarks --docs docs $(ARGS)

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: this needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-old $(VENV)-image runs .cache
