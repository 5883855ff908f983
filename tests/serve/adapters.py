"""Adapters of the language model's stand-in: random low-rank changes as PEFT writes them, and merged into it."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

RANK, ALPHA = 4, 8
TARGETS = ("q_proj", "v_proj")


def make(folder: Path, base: Path, seed: int) -> Path:
    """An adapter of the model in `base` (huggingface.co/docs/peft, checkpoint format)."""
    drawn = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, weight in load_file(base / "model.safetensors").items():
        if name.split(".")[-2] in TARGETS:
            out, into = weight.shape
            key = f"base_model.model.{name.removesuffix('.weight')}"
            tensors[f"{key}.lora_A.weight"] = torch.randn(RANK, into, generator=drawn) / 4
            tensors[f"{key}.lora_B.weight"] = torch.randn(out, RANK, generator=drawn) / 4
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    said = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA, "target_modules": TARGETS}
    (folder / "adapter_config.json").write_text(json.dumps(said))
    return folder


def merged(base: Path, adapter: Path) -> Any:
    """The model in transformers with weights W + B A alpha / r (arxiv.org/abs/2106.09685, section 4.1)."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    changes = load_file(adapter / "adapter_model.safetensors")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            key = f"base_model.model.{name.removesuffix('.weight')}"
            if f"{key}.lora_A.weight" in changes:
                weight += changes[f"{key}.lora_B.weight"] @ changes[f"{key}.lora_A.weight"] * (ALPHA / RANK)
    return model
