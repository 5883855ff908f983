"""The reranker's stand-in: a BERT of two layers that gives one logit for a pair, as a cross-encoder's folder."""

from pathlib import Path

READ_BY = ("sentence_transformers", "openvino")


def make(folder: Path) -> None:
    """Writes weights and tokenizer into `folder`."""
    from transformers import BertForSequenceClassification

    from serve.standins.embeddings import write_bert

    write_bert(BertForSequenceClassification, folder, num_labels=1)
