"""What a folder of weights says about itself: its JSON files go in, facts that an engine needs come out."""

import json
from pathlib import Path
from typing import Any


def is_cross_encoder(folder: Path) -> bool:
    """Whether the model reads a pair of texts and ends in a score, and not in a vector."""
    said = settings(folder, "config_sentence_transformers.json").get("model_type")
    heads = settings(folder, "config.json").get("architectures") or []
    return said == "CrossEncoder" or any(head.endswith("ForSequenceClassification") for head in heads)


def settings(folder: Path, name: str) -> Any:
    """The content of a JSON file, an empty object where the folder has none of that name."""
    file = folder / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
