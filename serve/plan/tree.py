"""Parts of Kubernetes objects as plain data: two of them go in, what differs comes out, by its path.

What the API server and the operator's own encoding add to an object is taken away first, so that what Helm renders can
be compared with what a cluster holds: empty values, the default protocol of a port, another spelling of a quantity.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lightkube.utils.quantity import parse_quantity


@dataclass(frozen=True)
class Difference:
    """One value that differs; None stands for a value that is not there."""

    path: str
    old: Any
    new: Any


def amount(quantity: Any) -> Decimal:
    """A Kubernetes quantity, such as 500m or 8Gi, as a number."""
    found = parse_quantity(str(quantity))
    assert found is not None  # noqa: S101  # It is for None alone.
    return found


def canonical(node: Any, key: str = "") -> Any:
    """`node` without what says nothing, and with quantities in one spelling: the operator hashes them so."""
    if isinstance(node, dict):
        if key in ("limits", "requests"):
            return {name: format(amount(value).normalize(), "f") for name, value in node.items()}
        whole = {name: canonical(value, name) for name, value in node.items()}
        if key == "ports":
            whole.setdefault("protocol", "TCP")
        return {name: value for name, value in whole.items() if value not in (None, {}, [])}
    return [canonical(item, key) for item in node] if isinstance(node, list) else node


def differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """What differs, leaf by leaf; items of a list are told apart by their name where they have one."""
    if isinstance(old, list) and isinstance(new, list) and (names := _name_key(old + new)):
        yield from differences({item[names]: item for item in old}, {item[names]: item for item in new}, path)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({**old, **new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif old != new:
        yield Difference(path, old, new)


def _name_key(items: list[Any]) -> str | None:
    named = (key for key in ("groupName", "name") if all(isinstance(item, dict) and key in item for item in items))
    return next(named, None) if items else None
