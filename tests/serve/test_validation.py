"""What a person wrote wrongly in an entry: the message names the entry, the key and the nearest right one."""

from typing import Any

import pytest

from serve.errors import ConfigurationError
from serve.tasks import embeddings
from serve.validation import validated

ARGS: dict[str, Any] = {
    "model": "vectors",
    "engine": "fake",
    "source": {"path": "/"},
    "placement": {"accelerator": "laptop", "vendor": "cpu", "memory": 1, "deviceMemory": 1},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"engin": "fake"}, "models.vectors.engin: unknown key; did you mean 'engine'?"),
        (
            {"source": {"hub": "a/b", "revison": "main"}},
            "models.vectors.source.revison: unknown key; did you mean 'revision'?",
        ),
        ({"source": {}}, "models.vectors.source: name exactly one of hub, path, s3, gs; found none"),
        ({"maxBody": "lots"}, "models.vectors.maxBody: String should match pattern"),
        ({"model": "Not A Name"}, "models.vectors.model: String should match pattern"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_to_write(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        validated(embeddings.Args, {**ARGS, **change}, "models.vectors")
    assert said in failure.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"engine": "nothing"}, "'nothing' does not do task 'embeddings'; engines that do: fake, "),
        (
            {"engine": "kokoro"},
            "models.vectors.engine: 'kokoro' does not do task 'embeddings'; engines that do: fake, ",
        ),
        ({"engineConfig": {"dealy": 1}}, "models.vectors.engineConfig.dealy: unknown key; did you mean 'delay'?"),
    ],
)
def test_an_engine_that_does_not_fit_is_named_with_those_that_do(change: dict[str, Any], said: str) -> None:
    args = validated(embeddings.Args, {**ARGS, **change}, "models.vectors")
    with pytest.raises(ConfigurationError) as failure:
        embeddings.build(args)
    assert said in failure.value.message
