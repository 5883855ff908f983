"""Linear layers that oneDNN computes against torch's own, in the architectures that embed and rerank."""

import copy
import subprocess
import sys

import pytest
import torch
from transformers import AutoConfig, AutoModel, T5EncoderModel

from serve.packed import FEW, STEP, Packed, pack

SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "pad_token_id": 0,
}  # fmt: skip
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 100}
KINDS = ["albert", "bert", "deberta-v2", "distilbert", "electra", "gemma3_text", "mistral", "modernbert", "mpnet",
         "nomic_bert", "qwen2", "qwen3", "roberta", "t5", "xlm-roberta"]  # fmt: skip
MANY = """
import psutil
from serve import start
from serve.values import ModelArgs
from tests.serve.references import PLACE, minilm
entry = {"engine": "sentence_transformers", "source": {"path": str(minilm())}, "placement": PLACE}
engine = start.load(ModelArgs.model_validate({"model": "mine", **entry}))
taken = []
for length in range(300, 200, -1):
    engine.compute([engine.tokenizer.blank(length)] * 3)
    taken.append(psutil.Process().memory_info().rss)
print((max(taken) - taken[0]) // 2**20)
"""


def network(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "t5":
        return T5EncoderModel(AutoConfig.for_model(kind, **T5)).eval()
    return AutoModel.from_config(AutoConfig.for_model(kind, **SIZES)).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_model_computes_what_it_did_before(kind: str) -> None:
    plain = network(kind)
    packed = copy.deepcopy(plain)
    pack(packed)
    assert sum(isinstance(module, Packed) for module in packed.modules()) > 3
    ids = torch.randint(1, 100, (3, 17))
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    with torch.inference_mode():
        ours, theirs = (one(input_ids=ids, attention_mask=mask).last_hidden_state for one in (packed, plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_where_torch_has_no_onednn_a_model_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    model = network("bert")
    pack(model)
    assert not any(isinstance(module, Packed) for module in model.modules())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_narrower_model_stays_as_it_is(dtype: torch.dtype) -> None:
    model = network("bert").to(dtype)
    pack(model)
    assert not any(isinstance(module, Packed) for module in model.modules())


@pytest.mark.parametrize("rows", [0, 1, STEP, STEP + 1, FEW - 1, FEW, FEW + 1])
def test_any_number_of_rows_is_multiplied(rows: int) -> None:
    layer = torch.nn.Linear(32, 48)
    inputs = torch.randn(rows, 32)
    with torch.inference_mode():
        torch.testing.assert_close(Packed(layer)(inputs), layer(inputs), rtol=1e-5, atol=1e-5)
        assert Packed(layer)(inputs.reshape(rows, 1, 32)).shape == (rows, 1, 48)


def test_of_many_lengths_no_more_than_some_leave_compiled_kernels_behind() -> None:
    """In a process of its own, as the limit is read once."""
    said = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)
    assert int(said.stdout.splitlines()[-1]) < 64, "mebibytes, of which a hundred kernels would take more than that"
