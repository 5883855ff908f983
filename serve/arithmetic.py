"""By what an engine computes: the library, and the precisions in which its model's numbers are.

`serve/kernels` tries the library in them before the model is loaded, and `serve/reference` allows an answer the error
that the narrowest brings.
"""

from dataclasses import dataclass

ROUNDOFF = {"float32": 2.0**-24, "tfloat32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Largest relative error of a rounding: half a unit in the last of 24, 11, 11 and 8 binary digits (IEEE 754; tfloat32
and bfloat16 are float32 with fewer)."""


@dataclass(frozen=True)
class Arithmetic:
    """A module of serve/kernels, and the precisions, the one of the model's weights last."""

    library: str
    precisions: tuple[str, ...]
    compressed: bool = False
    """Whether the weights are of 8 bits, whatever they are computed with."""
    on_cpu: bool = False
    """Whether it stays on the CPU, whatever the accelerator."""

    @property
    def narrowest(self) -> str:
        return "int8" if self.compressed else self.precisions[-1]


def floats(*precisions: str) -> tuple[str, ...]:
    """float32, in which every engine keeps something, and the further ones."""
    return tuple(dict.fromkeys(("float32", *precisions)))
