# SPDX-License-Identifier: AGPL-3.0-only
# Everything runs in .venv, which is made once; another Python: make PYTHON=python3.12 demo
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench lower-bounds

demo: $(VENV)/.runtime  ## the main job on the synthetic demo: generate, evaluate, print the table, serve the dashboard
	$(BIN)/python -m engine demo
	$(BIN)/python -m dashboard

test: $(VENV)/.dev  ## the whole test suite, in three processes: some compute while others wait
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: style types borders  ## style, types, borders

.PHONY: style types borders
style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

borders: $(VENV)/.dev
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/dashboard/test_architecture.py

bench: $(VENV)/.runtime  ## the speed suites on the synthetic demo; name another subject: make bench ON="--dataset … --weights …"
	for suite in floor baseline precision memory; do $(BIN)/python -m engine benchmark run $$suite $(ON) || exit 1; done

lower-bounds:  ## the oldest versions that are allowed, in an environment of their own
	sed 's/>=/==/; s/ *#.*//' requirements.txt requirements-transformers.txt requirements-cluster.txt > $(VENV)-lower.txt
	grep -vE '^(#|-r|mypy|ruff)' requirements-dev.txt >> $(VENV)-lower.txt
	$(MAKE) VENV=$(VENV)-lower $(VENV)-lower/.created
	$(VENV)-lower/bin/python -m pip install --quiet -r $(VENV)-lower.txt
	$(MAKE) VENV=$(VENV)-lower $(VENV)-lower/.opencv
	OMP_NUM_THREADS=1 $(VENV)-lower/bin/python -m pytest -q -m "not real" --ignore=tests/dashboard/browser

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Error: expected Python 3.11 or newer, got %d.%d; name one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@# Debian's python3 has no ensurepip unless python3-venv is installed; the pip outside can serve as well.
	$(PYTHON) -m venv $(VENV) || { \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; }
	touch $@

$(VENV)/.runtime: requirements.txt | $(VENV)/.created
	@echo "Installing into $(VENV): a few minutes, once"
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@$(MAKE) --no-print-directory $(VENV)/.opencv
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-cluster.txt requirements-transformers.txt requirements.txt | $(VENV)/.created
	@echo "Installing into $(VENV): a few minutes, once"
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@$(MAKE) --no-print-directory $(VENV)/.opencv
	touch $@ $(VENV)/.runtime

# opencv-python wants libGL, which machines without a screen lack; its headless twin has all that is used here.
.PHONY: $(VENV)/.opencv
$(VENV)/.opencv:
	@$(BIN)/python -c 'import cv2' >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --no-deps --force-reinstall \
	  "opencv-python-headless==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("opencv-python"))')"
