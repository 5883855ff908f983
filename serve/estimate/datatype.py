"""The types in which weights are kept and numbers are computed: names go in, bits and bytes come out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataType:
    """How a model's numbers are kept."""

    name: str
    bits: int
    """Of one weight."""
    values: int
    """Bytes of one value that is computed: activations, the cache, and the weights that quantisation leaves alone."""

    @property
    def quantised(self) -> bool:
        return self.bits < 16


FLOAT32 = DataType("float32", 32, 4)
FLOAT16 = DataType("float16", 16, 2)
INT8 = DataType("int8", 8, 2)
INT4 = DataType("int4", 4, 2)
TYPES = {one.name: one for one in (FLOAT32, FLOAT16, INT8, INT4)}
BY_NAME = {**TYPES, "bfloat16": FLOAT16}
"""bfloat16 takes what float16 takes."""
BY_BITS = {one.bits: one for one in TYPES.values()}
