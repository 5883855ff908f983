"""Values that a person wrote: a mapping goes in, the typed entry comes out, or words that say what to write instead."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from serve.errors import ConfigurationError

T = TypeVar("T", bound=BaseModel)


def validated(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """`values` as a `cls`, or a ConfigurationError that names the entry and the nearest right key.

    `where` is the path of the entry in the values file, such as `models.whisper`.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_sentence(cls, issue, where) for issue in error.errors())) from None


def hint(word: str, known: Iterable[str], kind: str) -> str:
    """The nearest of the known words, or all of them where none is near."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"{kind}: {', '.join(words)}"


def _sentence(cls: type[BaseModel], issue: Any, where: str) -> str:
    path = ".".join([where, *(str(part) for part in issue["loc"] if part not in ("int", "Autoscaling", "Scaling"))])
    if issue["type"] != "extra_forbidden":
        return f"{path}: {issue['msg'].removeprefix('Value error, ')} (found {issue['input']!r})"
    return f"{path}: unknown key; {hint(str(issue['loc'][-1]), _keys(cls, issue['loc'][:-1]), 'known keys')}"


def _keys(cls: type[BaseModel], path: tuple[Any, ...]) -> set[str]:
    """The aliases of `cls`, or of the model nested in it at `path`."""
    for part in path:
        field = next((f for f in cls.model_fields.values() if f.alias == part), None)
        candidates = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
        cls = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), cls)
    return {field.alias or name for name, field in cls.model_fields.items()}
