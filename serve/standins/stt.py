"""The speech recogniser's stand-in: a Whisper of two layers, in CTranslate2's format as faster-whisper has it.

The special tokens are large-v3's in its order, after an empty one, by which CTranslate2 knows a multilingual Whisper.
`checkpoint` is the step before the conversion, for whoever wants the same weights in transformers.
"""

import tempfile
from pathlib import Path
from typing import Any

READ_BY = ("faster_whisper",)


def make(folder: Path) -> None:
    """Writes the converted model into `folder`."""
    from ctranslate2.converters import TransformersConverter

    with tempfile.TemporaryDirectory() as made:
        checkpoint(Path(made))
        kept = ["tokenizer.json", "preprocessor_config.json"]
        TransformersConverter(made, copy_files=kept).convert(str(folder), force=True)


def checkpoint(folder: Path) -> None:
    """Writes the same model as transformers has it into `folder`."""
    from transformers import GenerationConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    from serve.standins.weights import random_weights

    tokenizer = _tokenizer()
    ids = tokenizer.get_vocab()
    model = random_weights(lambda: WhisperForConditionalGeneration(_config(ids)))
    _speak_up(model.model.decoder, ids["<|endoftext|>"])
    model.generation_config = GenerationConfig(**_generation(ids))
    for part in (model, tokenizer, WhisperFeatureExtractor(feature_size=128)):
        part.save_pretrained(folder)


def _speak_up(decoder: Any, end: int) -> None:
    """Makes it sure of its tokens and leads it to an end: faster-whisper decodes what is vague or long six times."""
    decoder.layer_norm.weight.data *= 2
    decoder.layer_norm.bias.data += decoder.embed_tokens.weight.data[end]


def _tokenizer() -> Any:
    """Byte pairs and the special tokens of large-v3 in its order."""
    from tokenizers import AddedToken
    from transformers import WhisperTokenizerFast
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    from serve.standins.vocabulary import byte_pairs

    roles = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    tokenizer = byte_pairs(1024, [""])
    tokenizer.add_special_tokens([f"<|{name}|>" for name in ["endoftext", "startoftranscript", *LANGUAGES, *roles]])
    times = [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    tokenizer.add_tokens([AddedToken(time, normalized=False) for time in times])
    return WhisperTokenizerFast(tokenizer_object=tokenizer)


def _config(ids: dict[str, int]) -> Any:
    from transformers import WhisperConfig

    end = ids["<|endoftext|>"]
    return WhisperConfig(
        vocab_size=len(ids),
        num_mel_bins=128,
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        init_std=0.3,
        dtype="float32",
    )


def _generation(ids: dict[str, int]) -> dict[str, Any]:
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    end = ids["<|endoftext|>"]
    return {
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "is_multilingual": True,
        "lang_to_id": {f"<|{language}|>": ids[f"<|{language}|>"] for language in LANGUAGES},
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
        "alignment_heads": [[1, 0], [1, 1]],
        "suppress_tokens": [],
        "begin_suppress_tokens": [end],
        "max_length": 448,
    }
