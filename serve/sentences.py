"""Text to sentences, so that a synthesiser can begin to speak before it has read to the end."""

import re

# Titles and initials end with a dot and end no sentence.
ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|No|e\.g|i\.e)|\b[A-Z])\.$")
END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？।])|\n+")  # noqa: RUF001  # Chinese and Japanese marks.


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order; none is empty, and nothing but space is lost between them."""
    found, start = [], 0
    for end in END.finditer(text):
        piece = text[start : end.end()]
        if "\n" not in end.group() and ABBREVIATION.search(piece.rstrip()):
            continue
        found.append(piece.strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]
