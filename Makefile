# Every target makes or reuses .venv by itself; nothing else needs to be typed on a fresh machine.
# Needed: Python >= 3.11 with venv and headers, a C compiler, make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
KERNELS := $(wildcard lvtools/_native/*.pyx lvtools/_native/*.pxi lvtools/_native/*.h)

.PHONY: help demo demo-cookies test test-sanitize bench lint format wheel docs rules pictures clean

help:
	@echo "make demo   make a small data set, run the main job on it, write a report"
	@echo "make test   run the tests"
	@echo "make lint   ruff and mypy          make bench  compare with other tools"
	@echo "make wheel  build dist/*.whl       make docs   build the documentation site"
	@echo "make test-sanitize  the kernels' tests under AddressSanitizer and UBSan"

# What is missing on a bare machine is said in one sentence each, before pip says it in a hundred.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "lvtools needs Python >= 3.11: install python3, or name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "lvtools needs Python >= 3.11, $$($(PYTHON) --version) was found: name another with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "A C compiler is missing: on Debian, apt-get install gcc" >&2; exit 1; }
	@$(PYTHON) -c 'import sys, sysconfig, os; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || { echo "Python's C headers are missing: on Debian, apt-get install python3-dev" >&2; exit 1; }
	@echo "Making $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml setup.py
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'setuptools>=77' 'cython>=3.1' wheel
	@# Built by this Cython, not by one of a passing environment: else all kernels would be stale at once, and built twice.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[dev]'
	@touch $@ $(VENV)/.built  # an editable install builds the kernels in place

$(VENV)/.built: $(VENV)/.installed $(KERNELS)
	@$(BIN)/python setup.py --quiet build_ext --inplace --parallel 2
	@touch $@

# The getting-started data that AWS gave to every user, when somebody has put it beside the clone.
COOKIES := $(or $(LVTOOLS_SHARED),../shared)/data/cookies

demo: $(VENV)/.built $(if $(wildcard $(COOKIES)),demo-cookies)
	@$(BIN)/lvtools demo demo

demo-cookies: $(VENV)/.built
	$(BIN)/lvtools validate $(COOKIES)/dataset-files/manifests/template.manifest
	$(BIN)/lvtools areas $(COOKIES)/dataset-files/mask-images --color-map $(COOKIES)/dataset-files/manifests/template.manifest
	$(BIN)/lvtools evaluate $(COOKIES)/dataset-files/manifests/template.manifest $(COOKIES)/dataset-files/manifests/template.manifest \
	  --images $(COOKIES)/dataset-files --prediction-images $(COOKIES)/dataset-files

test: $(VENV)/.built
	$(BIN)/python -m pytest --numprocesses auto

# Whatever runs native code on bytes it cannot trust; test_bombs bounds the memory of its processes, and ASan wants terabytes.
NATIVE_TESTS := $(addprefix tests/manifest/test_,scan.py fast.py room.py replay.py) tests/metrics \
  $(addprefix tests/masks/test_,areas.py classify_many.py interlaced.py mask.py pairs.py png.py polygons.py regions.py rle.py \
  run_lists.py runs.py write.py)

# In a copy, so that the instrumented kernels never stand where the others are imported from.
test-sanitize: $(VENV)/.built
	@rm -rf build/sanitize && mkdir -p build/sanitize
	@cp -r lvtools tests setup.py pyproject.toml README.md LICENSE build/sanitize/ && rm -f build/sanitize/lvtools/_native/*.so
	@cd build/sanitize && LVTOOLS_SANITIZE=1 $(abspath $(BIN))/python setup.py --quiet build_ext --inplace --force --parallel 2
	cd build/sanitize && LVTOOLS_SHARED=$${LVTOOLS_SHARED:-$(abspath ../shared)} LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so) $$($${CC:-cc} -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  $(abspath $(BIN))/python -m pytest -q -p no:cacheprovider --numprocesses auto $(NATIVE_TESTS)

bench: $(VENV)/.built
	$(BIN)/python -m benchmarks

lint: $(VENV)/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.installed
	@rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist

rules: $(VENV)/.built
	@{ sed '/^| code/,$$d' docs/rules.md; $(BIN)/lvtools rules --format markdown; } > docs/rules.md.new
	@mv docs/rules.md.new docs/rules.md

pictures: $(VENV)/.built
	@$(BIN)/python docs/pictures.py

docs: $(VENV)/.built
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/mkdocs build --strict --site-dir site

clean:
	rm -rf build dist site demo $(VENV) *.egg-info lvtools/_native/*.so
