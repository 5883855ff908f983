# Every command there is; a bare `make` prints them. Each does its own set-up: Python 3.11 or 3.12, make and the internet
# are all that must be here. `.venv/<vendor>` is to this machine what the image of that vendor is to a cluster.

PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c 'import sys; assert sys.version_info[:2] in ((3, 11), (3, 12))' 2>/dev/null && echo $$python && break; done)
VALUES ?= values/local.yaml
TORCH := torch==2.13.0+cpu
TORCH_WHEELS := https://download.pytorch.org/whl/cpu/torch/
CPU := .venv/cpu/bin
XPU := .venv/xpu/bin
CUDA_BUILDS := $(addprefix --no-emit-package ,torch torchvision torchaudio torchcodec triton)
LOCK := $(CPU)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
	--custom-compile-command "make lock" --find-links $(or $(PIP_FIND_LINKS),$(TORCH_WHEELS)) $(CUDA_BUILDS)

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/cpu/ready ## Serve VALUES (values/local.yaml) on this machine until Ctrl-C
	@$(CPU)/ai-inference up -f $(VALUES)

test: .venv/cpu/tests .venv/xpu/tests ## Run the tests: on real Ray, real engines and the real helm
	$(CPU)/python -m pytest
	$(XPU)/python -m pytest tests/serve/test_openvino.py

check: .venv/cpu/tests ## Check style and types
	$(CPU)/ruff check .
	$(CPU)/ruff format --check .
	$(CPU)/mypy

generate: .venv/cpu/ready ## Write the files that are made from others
	$(CPU)/python -m serve.schema

lock: .venv/cpu/ready ## Write the requirements of each environment anew
	$(LOCK) pyproject.toml images/cpu/requirements.in -o images/cpu/requirements.txt \
		--extra faster_whisper --extra kokoro --extra sentence_transformers --extra s3
	$(LOCK) pyproject.toml images/xpu/requirements.in -o images/xpu/requirements.txt --extra openvino --extra s3
	$(LOCK) tests/requirements.in -c images/cpu/requirements.txt -o tests/requirements.txt
	$(LOCK) tests/requirements-xpu.in -c images/xpu/requirements.txt -o tests/requirements-xpu.txt

clean: ## Remove the environments
	rm -rf .venv

.venv/%/ready: images/%/requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "there is no Python 3.11 or 3.12 on PATH; name one: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/pip install --quiet uv==0.13.8
	.venv/$*/bin/pip install --quiet --no-deps --retries 0 --find-links $(TORCH_WHEELS) $(TORCH)
	.venv/$*/bin/uv pip install --python .venv/$*/bin/python --quiet --compile-bytecode --no-deps -r $< -e .
	@touch $@

.venv/cpu/tests: tests/requirements.txt .venv/cpu/ready
.venv/xpu/tests: tests/requirements-xpu.txt .venv/xpu/ready
.venv/%/tests:
	.venv/$*/bin/uv pip install --python .venv/$*/bin/python --quiet --compile-bytecode --no-deps -r $<
	@touch $@

.PHONY: help run test check generate lock clean
