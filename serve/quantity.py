"""Amounts of memory as Kubernetes writes them: a quantity goes in, bytes come out, and back."""

import re
from typing import Annotated

from pydantic import Field

SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$")]


def in_bytes(quantity: str) -> int:
    """Bytes in a Kubernetes quantity such as `3500Mi` (kubernetes.io/docs/reference, Quantity)."""
    number, suffix = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", quantity).groups()  # type: ignore[union-attr]
    return int(float(number) * SUFFIXES[suffix])


def mebibytes(size: int) -> str:
    """Bytes as a quantity, rounded up."""
    return f"{-(-size // 2**20)}Mi"
