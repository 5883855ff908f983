"""Whether each model's budget is enough: a render goes in, the budgets that are below the estimate come out.

That is advice and no part of the verdict. A model that cannot be read without asking the hub is left out, unless that
is wanted; so is one whose needs are not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serve.errors import ConfigurationError
from serve.estimate import entry
from serve.estimate.estimate import Estimate, estimated
from serve.local.manifest import Manifest


@dataclass(frozen=True)
class Budgets:
    """By model."""

    short: Mapping[str, tuple[int, Estimate]] = field(default_factory=dict)
    """Bytes that the entry gives, and what is estimated."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Why there is no estimate."""


def budgets(documents: Sequence[Mapping[str, Any]], online: bool) -> Budgets:
    """Those of a render; `online` may ask the hub."""
    manifest = Manifest.of(documents)
    short: dict[str, tuple[int, Estimate]] = {}
    unknown: dict[str, str] = {}
    for model in manifest.models:
        args = manifest.args(model)
        try:
            found = estimated(*entry.read(args, online))
        except ConfigurationError as error:
            unknown[model] = error.message
            continue
        if args.placement.memory < found.total:
            short[model] = args.placement.memory, found
    return Budgets(short, unknown)
