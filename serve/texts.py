"""Texts as clients send them: one, or a list; what is neither is refused in words that a person understands."""

from typing import Annotated, Any

from pydantic import BeforeValidator

MAX_TEXTS = 2048  # platform.openai.com/docs/api-reference/embeddings/create: an array of at most 2048


def _listed(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_TEXTS:
        found = f"a list of {len(texts)}" if isinstance(texts, list) else type(texts).__name__
        raise ValueError(f"must be a text or a list of 1 to {MAX_TEXTS} texts, found {found}")
    for index, text in enumerate(texts):
        if isinstance(text, int | list):
            raise ValueError("token ids depend on the tokenizer of one model; send text")
        if not isinstance(text, str) or not text:
            raise ValueError(f"[{index}] must be a text that is not empty")
    return texts


Texts = Annotated[list[str], BeforeValidator(_listed)]
"""A list of texts, also where the client sent a single one."""
