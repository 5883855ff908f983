# Every command there is; a bare `make` prints them. Each does its own set-up: Python 3.11 or 3.12, make and the internet
# are all that must be here. `.venv/<vendor>` is to this machine what the image of that vendor is to a cluster.

INTERPRETER ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c 'import sys; assert sys.version_info[:2] in ((3, 11), (3, 12))' 2>/dev/null && echo $$python && break; done)
VALUES ?= values/local.yaml
VENDOR ?= cpu
include images/versions.env
TORCH_WHEELS := https://download.pytorch.org/whl/cpu/torch/
CPU := .venv/cpu/bin
XPU := .venv/xpu/bin
LOCK := $(CPU)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --no-annotate --generate-hashes \
	--no-emit-package ai-inference --custom-compile-command "make lock"
# Without what PyPI has for CUDA only under plain names; torch's CPU build comes from PyTorch's own index.
LOCK_CPU := $(LOCK) $(addprefix --no-emit-package ,torch torchvision torchaudio torchcodec triton) \
	--find-links $(or $(PIP_FIND_LINKS),$(TORCH_WHEELS))
# What vLLM's ROCm image brings in builds of its own, and what is for CUDA only.
CUDA := ^(torch|triton|vllm|nvidia-|nvtx|nccl|pynv|cuda-|flashinfer|tokenspeed|tilelang|quack|humming|instanttensor|fastsafetensors)
WITHOUT := sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p'

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

images: .venv/build/ready ## Build and test an image per vendor (ARGS="cuda --push --registry ghcr.io/me", ARGS=--help)
	@.venv/build/bin/python build.py $(ARGS)

benchmarks: .venv/$(VENDOR)/tests ## Compare with peers, side by side: benchmarks/RESULTS.md (ARGS=rerank, VENDOR=cuda)
	@.venv/$(VENDOR)/bin/python -m benchmarks $(ARGS)

generate: .venv/cpu/ready ## Write the files that are made from others
	$(CPU)/python -m serve.schema

lock: .venv/cpu/ready ## Write the requirements of each environment and image anew (UPGRADE=-U: newest versions)
	$(LOCK_CPU) images/cpu/requirements.in -o images/cpu/requirements.txt
	$(LOCK_CPU) images/xpu/requirements.in -o images/xpu/requirements.txt
	$(LOCK) images/cuda/requirements.in -o images/cuda/all.txt
	echo torch==$(TORCH) | $(LOCK) - -c images/cuda/all.txt -o images/cuda/torch.txt
	$(LOCK) $$($(WITHOUT) images/cuda/torch.txt) images/cuda/requirements.in -c images/cuda/all.txt -o images/cuda/requirements.txt
	$(LOCK) images/rocm/requirements.in -o images/rocm/all.txt
	$(LOCK) $$(grep -E '$(CUDA)' images/rocm/all.txt | $(WITHOUT)) images/rocm/requirements.in \
		-c images/rocm/all.txt -o images/rocm/requirements.txt
	rm images/*/all.txt
	$(LOCK) images/requirements.in -o images/requirements.txt
	$(LOCK_CPU) tests/requirements.in -c images/cpu/requirements.txt -o tests/requirements.txt
	$(LOCK_CPU) tests/requirements-xpu.in -c images/xpu/requirements.txt -o tests/requirements-xpu.txt

clean: ## Remove the environments
	rm -rf .venv

INSTALL_TORCH = .venv/$*/bin/pip install --quiet --no-deps --retries 0 --find-links $(TORCH_WHEELS) torch==$(TORCH)+cpu
.venv/cuda/ready: INSTALL_TORCH = .venv/$*/bin/uv pip install --python .venv/$*/bin/python --quiet --no-deps -r images/$*/torch.txt
.venv/cuda/ready: images/cuda/torch.txt
.venv/%/ready: images/%/requirements.txt pyproject.toml
	@test -n "$(INTERPRETER)" || { echo "there is no Python 3.11 or 3.12 on PATH; name one: make INTERPRETER=..."; exit 1; }
	$(INTERPRETER) -m venv .venv/$*
	.venv/$*/bin/pip install --quiet uv==$(UV)
	$(INSTALL_TORCH)
	.venv/$*/bin/uv pip install --python .venv/$*/bin/python --quiet --compile-bytecode --no-deps -r $< -e .
	@touch $@

.venv/build/ready: images/requirements.txt
	$(INTERPRETER) -m venv .venv/build
	.venv/build/bin/pip install --quiet --require-hashes -r $<
	@touch $@

.venv/cpu/tests: tests/requirements.txt .venv/cpu/ready
.venv/cuda/tests: tests/requirements.txt .venv/cuda/ready
.venv/xpu/tests: tests/requirements-xpu.txt .venv/xpu/ready
.venv/%/tests:
	.venv/$*/bin/uv pip install --python .venv/$*/bin/python --quiet --compile-bytecode --no-deps -r $<
	@touch $@

soak: .venv/cpu/tests ## Load five models for an hour, kill replicas, see that nothing is lost or grows (ARGS="--minutes 5")
	@$(CPU)/python -m benchmarks.soak $(ARGS)

fuzz: .venv/cpu/tests ## Ask a real service what nobody should ask, and see that it stays well (ARGS="--minutes 1")
	@$(CPU)/python -m tests.fuzz $(ARGS)

.PHONY: help run test check images benchmarks soak fuzz generate lock clean
