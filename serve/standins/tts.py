"""The speech synthesiser's stand-in: Kokoro with three voices, all random.

Most of Kokoro's widths are fixed in its code, so this is nearly its real size; only the vocoder's three residual blocks
per stage are one. Random weights make a hum; a few biases give it a speaker's pace, pitch and level.
"""

import json
from pathlib import Path
from typing import Any

READ_BY = ("kokoro",)
VOICES = ("af_heart", "af_bella", "bm_george")
PHONEMES = (
    ';:,.!?—…"()“” \u0303ʣʥʦʨᵝ\uab67AIOQSTWYᵊabcdefhijklmnopqrstuvwxyz'
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)
CONFIG: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12],
        "upsample_rates": [10, 6],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]],
        "resblock_kernel_sizes": [3],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64,
    "dropout": 0.0,
    "hidden_dim": 512,
    "max_conv_dim": 512,
    "max_dur": 50,
    "multispeaker": True,
    "n_layer": 1,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 64,
        "num_attention_heads": 2,
        "intermediate_size": 128,
        "max_position_embeddings": 512,
        "num_hidden_layers": 2,
        "dropout": 0.1,
    },
    "vocab": {phoneme: number for number, phoneme in enumerate(PHONEMES, start=1)},
}
WEIGHTS = "kokoro-v1_0.pth"
MAGNITUDES = CONFIG["istftnet"]["gen_istft_n_fft"] // 2 + 1


def make(folder: Path) -> None:
    """Writes weights, configuration and voices into `folder`."""
    import torch

    from serve.standins.weights import random_weights

    weights = folder / WEIGHTS
    torch.save({}, weights)  # KModel takes weights from a file or from the hub, and from an empty file none.
    model = random_weights(lambda: _tuned(weights))
    # Half precision halves the file; KModel widens it as it loads.
    torch.save({part: network.half().state_dict() for part, network in model.named_children()}, weights)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2, ensure_ascii=False), encoding="utf-8")
    (folder / "voices").mkdir(exist_ok=True)
    for voice, style in zip(VOICES, random_weights(lambda: torch.randn(len(VOICES), 510, 1, 256)), strict=True):
        torch.save((0.15 * style).clone(), folder / "voices" / f"{voice}.pt")


def _tuned(weights: Path) -> Any:
    """Kokoro with the biases of a speaker: some 100 ms to a phoneme, a voice of 150 Hz, peaks at half of full scale."""
    import torch
    from kokoro.model import KModel

    model = KModel(repo_id="hexgrad/Kokoro-82M", config=CONFIG, model=str(weights)).eval()
    with torch.no_grad():
        model.predictor.duration_proj.linear_layer.bias.fill_(-4)
        model.predictor.duration_proj.linear_layer.weight *= 10
        model.predictor.F0_proj.bias.fill_(150)
        model.predictor.F0_proj.weight *= 30
        model.decoder.generator.conv_post.bias[:MAGNITUDES] -= 1.5
    return model
