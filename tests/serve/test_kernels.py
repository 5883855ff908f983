"""Kernels on the real CPU by the real libraries, and on one whose results are wrong."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve import engine, kernels
from serve.arithmetic import ROUNDOFF, Arithmetic
from serve.errors import Miscomputed, ModelUnavailable
from serve.kernels.exact import EXACT
from serve.kernels.exact import kernels as all_kernels
from serve.values import Placement

torch: Any = pytest.importorskip("torch")
PLACE = Placement(accelerator="radeon", vendor="cpu", num_gpus=0, cpus=1, memory=2**32, device_memory=2**34)
FLOATS = ("float32", "float16", "bfloat16")
ON_TORCH = Arithmetic("torch", FLOATS)


@pytest.fixture(autouse=True)
def anew() -> None:
    """What was well in one test is tried again in the next."""
    kernels.check.cache_clear()


class Wrong(torch.overrides.TorchFunctionMode):  # type: ignore[misc]  # a class that mypy does not see
    """A backend that changes what the function of one name returns."""

    def __init__(self, name: str, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self.name, self.change = name, change

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        return self.change(result) if function.__name__ == self.name else result


def noisy(result: Any) -> Any:
    return result + 0.3 * result.std() * torch.randn(result.shape, generator=torch.Generator().manual_seed(0))


def one_row_lost(result: Any) -> Any:
    result = result.clone()
    result.select(-2, 3).zero_()
    return result


def no_numbers(result: Any) -> Any:
    return result * float("nan")


def test_ctranslate2_is_tried_by_a_whisper_and_needs_no_torch() -> None:
    code = f"""if True:
        import sys
        from serve import kernels
        from serve.arithmetic import Arithmetic
        from serve.values import Placement
        place = Placement.model_validate_json({PLACE.model_dump_json(by_alias=True)!r})
        (found,) = kernels.differences(Arithmetic("ctranslate2", ("float32",)), place)
        print(found.well, found.error > 0, "torch" in sys.modules)
    """
    tried = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert tried.stdout.split() == ["True", "True", "False"]


def test_ctranslate2_is_found_out_where_it_computes_in_fewer_digits_than_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    load = ctranslate2.models.Whisper
    narrow = lambda *args, **how: load(*args, **{**how, "compute_type": "int8_float32"})  # noqa: E731
    monkeypatch.setattr(ctranslate2.models, "Whisper", narrow)
    with pytest.raises(Miscomputed, match="computes whisper's encoder in float32 wrongly by ctranslate2"):
        kernels.check(Arithmetic("ctranslate2", ("float32",)), PLACE)


def test_a_sound_device_is_well_in_each_precision() -> None:
    found = list(kernels.differences(ON_TORCH, PLACE))
    assert {(difference.kernel, difference.precision) for difference in found} == {
        (kernel, precision) for kernel in EXACT for precision in FLOATS
    }
    assert all(difference.well for difference in found), found
    assert all(difference.error > 0 for difference in found)  # Nothing is compared with itself.


@pytest.mark.parametrize("change", [noisy, one_row_lost, no_numbers])
@pytest.mark.parametrize(
    ("function", "kernel"),
    [
        ("matmul", "matmul"),
        ("softmax", "softmax"),
        ("layer_norm", "layer_norm"),
        ("scaled_dot_product_attention", "attention"),
        ("conv1d", "convolution"),
    ],
)
@pytest.mark.parametrize("precision", FLOATS)
def test_a_wrong_kernel_is_named_with_its_precision_its_error_and_what_to_do(
    function: str, kernel: str, change: Callable[[Any], Any], precision: str
) -> None:
    with Wrong(function, change), pytest.raises(Miscomputed) as refusal:
        kernels.check(Arithmetic("torch", (precision,)), PLACE)
    message = refusal.value.message
    assert f"accelerator 'radeon' (vendor 'cpu') computes {kernel} in {precision} wrongly by torch" in message
    assert "HSA_OVERRIDE_GFX_VERSION" in message
    assert "fallback: cpu" in message


def test_what_is_allowed_is_below_what_a_narrower_format_brings() -> None:
    """So that a device which computes float32 in fewer digits than it says is found out."""
    for kernel in all_kernels():
        narrow = [values.astype(np.float16).astype(np.float64) * (1 + ROUNDOFF["float16"]) for values in kernel.inputs]
        error = np.linalg.norm(EXACT[kernel.name](*narrow) - kernel.expected) / np.linalg.norm(kernel.expected)
        assert error > kernels.allowed(kernel.terms, "float32"), kernel.name


def test_a_gpu_is_tried_in_a_process_of_its_own_whose_failure_is_told() -> None:
    """This machine has no GPU: what torch says of it there is what the model says here."""
    if torch.cuda.is_available():
        kernels.check(ON_TORCH, PLACE.model_copy(update={"vendor": "cuda"}))
        return
    with pytest.raises(Miscomputed, match=r"'radeon' \(vendor 'rocm'\) could not compute: .* finds no 'cuda' device"):
        kernels.check(ON_TORCH, PLACE.model_copy(update={"vendor": "rocm"}))


def test_a_process_that_crashes_costs_nobody_else_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nprint('GPU fault', file=sys.stderr)\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Miscomputed, match=r"the process ended with status -6: .*GPU fault"):
        kernels.check(ON_TORCH, PLACE.model_copy(update={"vendor": "cuda"}))


def test_a_simulated_gpu_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")
    kernels.check(ON_TORCH, PLACE.model_copy(update={"vendor": "rocm"}))


def test_an_engine_computes_on_a_gpu_in_the_precision_of_its_options(tmp_path: Path) -> None:
    gpu = PLACE.model_copy(update={"vendor": "rocm"})
    module = engine.module("sentence_transformers")
    assert module.arithmetic(module.Config(), tmp_path, gpu).narrowest == "float16"
    assert module.arithmetic(module.Config(dtype="bfloat16"), tmp_path, gpu).precisions == ("float32", "bfloat16")
    assert module.arithmetic(module.Config().on_cpu(), tmp_path, gpu).precisions == ("float32",)
    vllm = engine.module("vllm")
    (tmp_path / "config.json").write_text('{"text_config": {"dtype": "bfloat16"}}')
    assert vllm.arithmetic(vllm.Config(), tmp_path, gpu).narrowest == "bfloat16"


def test_a_miscomputed_model_is_an_unavailable_one() -> None:
    assert issubclass(Miscomputed, ModelUnavailable)
    assert Miscomputed("").body()["error"]["code"] == "model_unavailable"
