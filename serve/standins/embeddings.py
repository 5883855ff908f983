"""The embedder's stand-in: a BERT of two layers as a sentence-transformers folder with mean pooling."""

import json
from pathlib import Path
from typing import Any

READ_BY = ("sentence_transformers", "openvino")
TOKENS = 512
LAYOUT = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ],
    "sentence_bert_config.json": {"max_seq_length": TOKENS, "do_lower_case": False},
}


def make(folder: Path) -> None:
    """Writes weights, tokenizer and the description of the pooling into `folder`."""
    from transformers import BertModel

    write_bert(BertModel, folder)
    pooling = {"word_embedding_dimension": 64, "pooling_mode_mean_tokens": True}
    for name, content in {**LAYOUT, "1_Pooling/config.json": pooling}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, indent=2))
    (folder / "2_Normalize").mkdir(exist_ok=True)


def write_bert(cls: Any, folder: Path, **settings: Any) -> None:
    """Writes a small BERT of the class `cls` with its tokenizer."""
    from transformers import BertConfig, BertTokenizerFast

    from serve.standins.vocabulary import word_pieces
    from serve.standins.weights import random_weights

    pieces = word_pieces()
    config = BertConfig(
        vocab_size=pieces.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=TOKENS,
        initializer_range=0.3,  # At the usual 0.02 every text gets nearly the same vector.
        **settings,
    )
    random_weights(lambda: cls(config)).save_pretrained(folder)
    BertTokenizerFast(tokenizer_object=pieces, model_max_length=TOKENS).save_pretrained(folder)
