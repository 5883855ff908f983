"""What a request is routed by: as much of its body as HAProxy passes on goes in, blocks or a session come out.

Nothing is parsed, as the end may be missing: a client writes the same turns in the same bytes, and in JSON a key cannot
be mistaken for a text, whose quotes are escaped.
"""

import hashlib
import re
from collections.abc import Sequence
from itertools import islice, pairwise

BLOCK = 256  # Bytes, some 64 tokens: less than that is computed again as fast as it is found.
MOST = 256  # Blocks, as many as HAProxy passes on.
PROMPT = re.compile(rb'"(?:system|instructions|messages|prompt|input)"\s*:\s*')
SESSION = re.compile(rb'"(?:prompt_cache_key|user)"\s*:\s*"((?:[^"\\]|\\.)+)"')


def beginnings(body: bytes) -> Sequence[int]:
    """A number for each block of the prompt and all before it, so that the same one means the same beginning."""
    found = PROMPT.search(body)
    start = len(body) if found is None else found.end()
    running = hashlib.blake2b(digest_size=8)
    numbers = []
    for left, right in islice(pairwise(range(start, len(body) + 1, BLOCK)), MOST):
        running.update(body[left:right])
        numbers.append(int.from_bytes(running.digest(), "little"))
    return numbers


def session(header: bytes, body: bytes) -> str | None:
    """By the header, else by what OpenAI's clients say: `prompt_cache_key`, `user`."""
    if header:
        return header.decode("latin-1")
    found = SESSION.search(body)
    return None if found is None else found[1].decode("utf-8", "replace")
