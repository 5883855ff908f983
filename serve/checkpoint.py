"""What a folder of weights says about itself: its JSON files go in, facts that an engine needs come out."""

import json
from pathlib import Path
from typing import Any

from serve.errors import ModelUnavailable

WEIGHTS = (".safetensors", ".bin", ".pth", ".pt")
"""Suffixes of files of weights; of a folder that has several kinds the first is loaded."""
COUNT_FROM_AFTER_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"}


def is_cross_encoder(folder: Path) -> bool:
    """Whether the model reads a pair of texts and ends in a score, and not in a vector."""
    said = _settings(folder, "config_sentence_transformers.json").get("model_type")
    heads = _settings(folder, "config.json").get("architectures") or []
    return said == "CrossEncoder" or any(head.endswith("ForSequenceClassification") for head in heads)


def prompts(folder: Path) -> tuple[dict[str, str], str]:
    """The model's prompts by name, and the one that it wants where none is named."""
    said = _settings(folder, "config_sentence_transformers.json")
    named = {"query": "", "document": "", **{name: text or "" for name, text in (said.get("prompts") or {}).items()}}
    return named, named.get(said.get("default_prompt_name"), "")


def longest(folder: Path) -> int | None:
    """Tokens that the model was made for, where the folder says so."""
    config = _settings(folder, "config.json")
    places = config.get("max_position_embeddings")
    if places and config.get("model_type") in COUNT_FROM_AFTER_PADDING:
        places -= config.get("pad_token_id", 1) + 1
    limits = [places, _settings(folder, "sentence_bert_config.json").get("max_seq_length")]
    return min((limit for limit in limits if limit), default=None)


def weights(folder: Path) -> list[Path]:
    """The files that hold them."""
    files = folder.iterdir() if folder.is_dir() else [folder]
    return sorted(file for file in files if file.suffix in WEIGHTS)


def stored_type(folder: Path) -> str | None:
    """The precision of its weights as torch names it, where the folder says so."""
    config = _settings(folder, "config.json")
    said = {**config, **config.get("text_config", {})}
    found: str | None = said.get("dtype") or said.get("torch_dtype")
    return found


def pooling(folder: Path) -> str:
    """How a model of token vectors makes one of them: `mean`, `cls`, and so on; ModelUnavailable where it does more."""
    modules = _settings(folder, "modules.json") or [{"type": "Transformer", "path": ""}]
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    if not set(kinds) <= {"Transformer", "Pooling", "Normalize"}:
        raise ModelUnavailable(f"its modules are {', '.join(kinds)}; engine sentence_transformers runs any modules")
    if "Pooling" not in kinds:
        return "mean"  # As sentence-transformers does with a folder that does not say.
    said = _settings(folder / modules[kinds.index("Pooling")]["path"], "config.json")
    legacy = [key for key, chosen in said.items() if key.startswith("pooling_mode_") and chosen]
    modes = said.get("pooling_mode") or [key.removeprefix("pooling_mode_").partition("_token")[0] for key in legacy]
    return modes if isinstance(modes, str) else " and ".join(modes)


def _settings(folder: Path, name: str) -> Any:
    """The content of a JSON file, an empty object where the folder has none of that name."""
    file = folder / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
