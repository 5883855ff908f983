"""One key: a file of the Secret goes in, what clients send and what it may do come out.

The file is the key itself, or YAML with what it may do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import yaml
from pydantic import Field, SecretStr, ValidationError

from serve.errors import ConfigurationError, Forbidden
from serve.values import Closed, Limits

LEAST = 16
"""Characters of a key: fewer can be guessed."""


class Entry(Closed):
    """What a file says of a key."""

    key: SecretStr = Field(min_length=LEAST)
    """What clients send."""
    models: tuple[str, ...] | None = None
    """Those that it may ask, by their keys in the values; default: all."""
    expires: datetime | None = None
    """From when on it is refused; a day, or a moment in UTC unless it names a zone."""
    limits: dict[str, Limits] = {}
    """What it may use, by model, where that is other than the model's entry says."""


@dataclass(frozen=True)
class Key:
    """Who asks."""

    name: str
    models: frozenset[str] | None = None
    expires: float = math.inf
    """Seconds since 1970."""
    limits: Mapping[str, Limits] = field(default_factory=dict, hash=False)
    """By model."""
    passed: bool = False
    """Whether another replica, which passed the request on, has counted it; what it uses counts here."""

    def may_ask(self, model: str) -> bool:
        return self.models is None or model in self.models

    def must_be_for(self, model: str) -> None:
        """Raises Forbidden where it is for others."""
        if not self.may_ask(model):
            raise Forbidden(f"the key {self.name!r} is not for model {model!r}", param="model")


ANYONE = Key("anyone")
SERVICE = Key("service")
"""The service's own: with it the gateway asks models how they are, and `helm test` what they answer."""


def parsed(name: str, content: bytes) -> tuple[bytes, Key]:
    """Of the file `name`: the key as clients send it, and what it may do.

    Raises ConfigurationError, without what the file says.
    """
    try:
        text = content.decode().strip()
        written = yaml.safe_load(text) if ":" in text else None
        entry = Entry.model_validate(written if isinstance(written, dict) else {"key": text})
    except ValidationError as error:
        found = error.errors(include_input=False)  # Which may be the key.
        said = "; ".join(f"{_place(issue['loc'])}: {issue['msg']}" for issue in found)
        raise ConfigurationError(f"key {name!r}: {said}") from None
    except (ValueError, yaml.YAMLError):
        raise ConfigurationError(f"key {name!r}: is neither a key nor YAML with one under `key`") from None
    expires = math.inf if entry.expires is None else _utc(entry.expires).timestamp()
    models = None if entry.models is None else frozenset(entry.models)
    return entry.key.get_secret_value().encode(), Key(name, models, expires, entry.limits)


def _place(path: tuple[int | str, ...]) -> str:
    """As far as it is a word of ours: what else stands there may be the key."""
    return ".".join(map(str, path)) if path and path[0] in Entry.model_fields else "a field that is not known"


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
