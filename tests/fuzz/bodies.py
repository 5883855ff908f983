"""JSON bodies that nobody should send: models go in, a strategy of requests to them comes out.

Each is a plain request of its task of which something is exchanged, taken away, or spoilt as it is written.
"""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from serve.tasks.tts import MAX_CHARACTERS
from tests.fuzz.client import Ask, Way

Json = Any
TEXT = "A sentence about nothing in particular."
TASKS: Mapping[str, Mapping[str, Json]] = {
    "llm": {
        "/v1/chat/completions": {
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT}],
            "max_tokens": 4, "temperature": 0.5, "top_p": 0.9, "n": 1, "stop": ["end"], "seed": 1, "logprobs": True,
            "top_logprobs": 2, "logit_bias": {"5": 1}, "response_format": {"type": "text"},
        },
        "/v1/completions": {
            "prompt": TEXT, "max_tokens": 4, "temperature": 0, "n": 1, "logprobs": 1, "echo": True, "suffix": None,
            "stream_options": None, "stop_token_ids": [3], "min_tokens": 0,
        },
    },
    "embeddings": {
        "/v1/embeddings": {"input": [TEXT, "another"], "encoding_format": "float", "dimensions": 8, "truncate": True},
        "/embed": {"inputs": [TEXT], "normalize": True, "truncate": True, "prompt_name": None, "dimensions": 4},
    },
    "rerank": {
        "/v1/rerank": {"query": TEXT, "documents": [TEXT, {"text": "b"}], "top_n": 1, "return_documents": True,
                       "rank_fields": ["text"], "max_tokens_per_doc": 8, "truncate": True},
        "/rerank": {"query": TEXT, "texts": [TEXT, "b"], "raw_scores": False, "return_text": True, "truncate": True},
        "/v1/score": {"text_1": TEXT, "text_2": [TEXT, "b"], "truncate": True},
    },
    "tts": {
        "/v1/audio/speech": {"input": "One.", "voice": "alloy", "response_format": "wav", "speed": 1,
                             "stream_format": "audio"},
    },
}  # fmt: skip
PAGE = " ".join([TEXT] * 60)
LARGE: Mapping[str, Mapping[str, Json]] = {
    "llm": {"/v1/completions": {"prompt": TEXT, "max_tokens": 256, "ignore_eos": True}},
    "embeddings": {"/v1/embeddings": {"input": [PAGE] * 16}},
    "rerank": {"/v1/rerank": {"query": TEXT, "documents": [PAGE] * 16}},
    "tts": {"/v1/audio/speech": {"input": TEXT, "voice": "alloy", "response_format": "wav"}},
}
"""Good ones that take the largest batches of an engine."""
SPOKEN = 20
"""Characters: seconds of work on a core, even where each is a dozen phonemes."""
NOT_AT_THE_GATEWAY = ("/embed", "/rerank")
"""It has them too, under the names of one model alone."""


def _deep(depth: int, of: str) -> Json:
    value: Json = "x"
    for _ in range(depth):
        value = [value] if of == "list" else {"a": value}
    return value


LETTERS = st.characters(codec=None)  # Lone surrogates and NUL are among them.
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**400, 1e308, 5e-324, -0.0]),
    st.floats(),
    st.text(LETTERS, max_size=30),
    st.sampled_from(["", "\0", "\ud800", "\udfff\ud800", "NaN", "../../etc/passwd", "\u202e", "\x1b[2J", "ﷺ" * 99]),
)
ODD = st.one_of(
    LEAVES,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS, max_size=8), inner, max_size=4),
        max_leaves=8,
    ),
    st.builds(lambda letter, times: letter * times, LETTERS, st.sampled_from([1000, 20_000, 300_000])),
    st.builds(lambda word, times: f"{word} " * times, st.text(LETTERS, max_size=6), st.sampled_from([600, 5000])),
    st.builds(lambda inner, times: [inner] * times, LEAVES, st.sampled_from([0, 1, 100, 1000, 1001, 2048, 2049, 9999])),
    st.builds(_deep, st.sampled_from([10, 100, 400]), st.sampled_from(["list", "dict"])),
)
LONG = st.builds(lambda text, times: text * times, st.text(max_size=20), st.sampled_from([1, 1, 1, 50, 1000, 20_000]))
ALIKE: Mapping[type, st.SearchStrategy[Json]] = {
    bool: st.booleans(),
    str: LONG | st.text(),
    int: st.integers(-1, 20) | st.integers(),
    float: st.floats(-1, 5) | st.floats(),
    list: st.lists(LONG, max_size=5) | st.builds(lambda one, times: [one] * times, st.text(), st.integers(0, 2100)),
}
"""Of the kind of what they take the place of, and so more often taken."""
RAW = st.sampled_from([
    b"", b"null", b"[]", b"{}", b'"text"', b"1e999", b"-", b"{", b'{"', b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000,
    b'{"a":' * 50_000, b"1" * 5000, b'{"input": "\xff\xfe\xed\xa0\x80"}', b'{"input": "\\ud800"}', b"\0" * 1000,
    '{"input": "x"}'.encode("utf-16"), b'{"input": NaN}', b'{"input": "a", "input": ["b"]}', b" " * 2**20,
    b'{"input":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"messages":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    b'{"model": "\\ud800", "input": "x"}', b'{"model": {"a": 1}}', b'{"model": "' + b"m" * 2**20 + b'"}',
])  # fmt: skip
TYPES = st.sampled_from([b"application/json"] * 20 + [
    b"application/json; charset=utf-16", b"text/plain", b"", None, b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x", b"application/vnd.api+json", b"application/json;;;=",
])  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, plain: Json) -> Json:
    """`plain` with one value exchanged or taken away, however deep it is."""
    if isinstance(plain, dict) and plain and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(plain)))
        if not draw(st.integers(0, 5)):
            return {name: value for name, value in plain.items() if name != key}
        return {**plain, key: draw(changed(plain[key]))}
    if isinstance(plain, list) and plain and draw(st.booleans()):
        index = draw(st.integers(0, len(plain) - 1))
        return [*plain[:index], draw(changed(plain[index])), *plain[index + 1 :]]
    alike = next((values for kind, values in ALIKE.items() if isinstance(plain, kind)), ODD)
    return draw(alike | ODD if draw(st.booleans()) else alike)


@st.composite
def written(draw: st.DrawFn, value: Json) -> bytes:
    """As JSON, now and then cut, with bytes exchanged, or in another encoding."""
    data = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    spoilt = draw(st.sampled_from([*["no"] * 20, "cut", "bytes", "utf-16"]))
    if spoilt == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if spoilt == "bytes":
        place = draw(st.integers(0, len(data)))
        return data[:place] + draw(st.binary(max_size=8)) + data[place + 1 :]
    return json.dumps(value).encode("utf-16") if spoilt == "utf-16" else data


SENT: list[Way] = ["whole", "whole", "whole", "whole", "whole", "chunked", "stops", "leaves"]
WAYS = st.sampled_from(SENT)


def _speakable(body: Json) -> Json:
    """Or too long to be tried: what lies between is spoken for minutes, as asked, and others wait that long."""
    said = body.get("input") if isinstance(body, dict) and "voice" in body else None
    return {**body, "input": said[:SPOKEN]} if isinstance(said, str) and len(said) <= MAX_CHARACTERS else body


@st.composite
def asks(draw: st.DrawFn, models: Mapping[str, str]) -> Ask:
    """To one of `models`, given with their tasks, at its own path or by its name at the gateway."""
    model = draw(st.sampled_from(sorted(name for name, task in models.items() if task in TASKS)))
    path = draw(st.sampled_from(sorted(TASKS[models[model]])))
    plain = TASKS[models[model]][path]
    if models[model] == "llm":
        plain = {**plain, "stream": draw(st.booleans())}
    by_name = path not in NOT_AT_THE_GATEWAY and draw(st.booleans())
    body = plain
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        body = draw(changed(body))
    if isinstance(body, dict) and (by_name or draw(st.booleans())) and draw(st.integers(0, 9)):
        body = {**body, "model": model}
    data = draw(RAW) if not draw(st.integers(0, 9)) else draw(written(_speakable(body)))
    way = draw(WAYS)
    return Ask(
        f"JSON to {models[model]}", path if by_name else f"/{model}{path}", draw(TYPES), data, way,
        draw(st.floats(0, 1)) if way == "stops" else 1, draw(st.sampled_from([0, 0.01, 0.1, 1])),
    )  # fmt: skip
