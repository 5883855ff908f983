"""Whether an accelerator computes what it should: fixed kernels go to it, nothing comes out, or Miscomputed.

A GPU that its vendor does not support may return wrong numbers without an error, as ROCm's of another architecture do
under HSA_OVERRIDE_GFX_VERSION; or it ends the process, so that on a GPU the kernels have a process of their own, which
leaves nothing on the card. Naming equation: `kernels/<library>.py` has `kernels`, `computed` and `arithmetic`, and an
engine's `arithmetic` names the library.
"""

import importlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from serve import apart
from serve.arithmetic import ROUNDOFF, Arithmetic
from serve.device import word_for
from serve.errors import InferenceError, Miscomputed
from serve.kernels.exact import Kernel
from serve.values import Placement

SECONDS = 300.0
"""After which a GPU hangs: the slowest compile kernels first, for a minute or so."""
EXPONENTIAL = 2.0**-19
"""Relative error of the fast exponentials and roots of GPUs (CUDA Programming Guide, intrinsic functions)."""
ADVICE = (
    "set HSA_OVERRIDE_GFX_VERSION in the accelerator's env to another architecture or leave it out, take another image "
    "or accelerator, or set fallback: cpu"
)


@dataclass(frozen=True)
class Difference:
    """How far a kernel is from float64, relative to the length of a row of its result, and how far it may be."""

    kernel: str
    precision: str
    error: float
    allowed: float

    @property
    def well(self) -> bool:
        return self.error <= self.allowed  # Not so of what is no number.


@cache
def check(arithmetic: Arithmetic | None, placement: Placement) -> None:
    """Raises Miscomputed with the first kernel that is wrong in any precision; what was well is not tried again."""
    if arithmetic is None or placement.spans:  # Its GPUs may be on other nodes.
        return
    wrong = next((found for found in _tried(arithmetic, placement) if not found.well), None)
    if wrong is not None:
        raise Miscomputed(
            f"{_named(placement)} computes {wrong.kernel} in {wrong.precision} wrongly by {arithmetic.library}: "
            f"relative error {wrong.error:.2g}, at most {wrong.allowed:.2g} is rounding; {ADVICE}"
        )


def _tried(arithmetic: Arithmetic, placement: Placement) -> list[Difference]:
    if arithmetic.on_cpu or word_for(placement.vendor) == "cpu":
        placement = placement.model_copy(update={"vendor": "cpu"})
        return list(differences(arithmetic, placement))
    asked = {"arithmetic": asdict(arithmetic), "placement": placement.model_dump(by_alias=True)}
    try:
        return [Difference(**found) for found in apart.call(__name__, asked, seconds=SECONDS)]
    except InferenceError as error:
        raise Miscomputed(f"{_named(placement)} could not compute: {error.message}; {ADVICE}") from error


def _named(placement: Placement) -> str:
    return f"accelerator {placement.accelerator!r} (vendor {placement.vendor!r})"


def differences(arithmetic: Arithmetic, placement: Placement) -> Iterator[Difference]:
    """Of each kernel in each precision."""
    library = importlib.import_module(f"serve.kernels.{arithmetic.library}")
    for precision in arithmetic.precisions:
        kernels = library.kernels()
        for kernel, result in zip(kernels, library.computed(placement, precision, kernels), strict=True):
            really = library.arithmetic(placement, precision, kernel)
            yield Difference(kernel.name, precision, _error(kernel, result), allowed(kernel.terms, really))


def allowed(terms: int, precision: str) -> float:
    """Rounding alone, if each of the partial sums is rounded too: errors of random sign grow with the root of their
    number (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019). Wider sums, as most libraries have them, stay far below.
    """
    return ROUNDOFF[precision] * math.sqrt(terms) + EXPONENTIAL


def _error(kernel: Kernel, result: Any) -> float:
    """Of the worst row, so that a part that is wrong is not hidden by the rest."""
    distances = np.linalg.norm(result - kernel.expected, axis=-1)
    return float((distances / np.linalg.norm(kernel.expected, axis=-1)).max())


def tried(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The work of the process of its own."""
    arithmetic = Arithmetic(**{**asked["arithmetic"], "precisions": tuple(asked["arithmetic"]["precisions"])})
    return [asdict(found) for found in differences(arithmetic, Placement.model_validate(asked["placement"]))]
