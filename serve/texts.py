"""Texts as clients send them: one, or a list; what is neither is refused in words that a person understands."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

MAX_TEXTS = 2048  # platform.openai.com/docs/api-reference/embeddings/create: an array of at most 2048


def readable(text: str) -> str:
    """`text`, unless it is empty or what no tokenizer reads: then a ValueError with the reason."""
    if not text:
        raise ValueError("must not be empty")
    return _readable_or_empty(text)


def _readable_or_empty(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains a NUL character, which is no text; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"contains half of a surrogate pair at {error.start}, which is no text; remove it") from None
    return text


def _listed(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_TEXTS:
        found = f"a list of {len(texts)}" if isinstance(texts, list) else type(texts).__name__
        raise ValueError(f"must be a text or a list of 1 to {MAX_TEXTS} texts, found {found}")
    for index, text in enumerate(texts):
        if isinstance(text, int | list):
            raise ValueError("token ids depend on the tokenizer of one model; send text")
        if not isinstance(text, str):
            raise ValueError(f"[{index}] must be a text")
        try:
            readable(text)
        except ValueError as error:
            raise ValueError(f"[{index}] {error}") from None
    return texts


Text = Annotated[str, AfterValidator(readable)]
"""A text that is not empty."""

TextOrNone = Annotated[str, AfterValidator(_readable_or_empty)] | None
"""A text that may be empty, or absent."""

Texts = Annotated[list[str], BeforeValidator(_listed)]
"""A list of texts that are not empty, also where the client sent a single one."""
