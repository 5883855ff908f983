"""What the keys and values of attention take: an architecture and a length go in, bytes come out.

For each layer and token a key and a value of every key-value head are kept (arxiv.org/abs/2309.06180, section 2.2,
for vLLM; huggingface.co/blog/llama31 has the numbers for Llama 3.1). An encoder keeps none.
"""

from serve.estimate.architecture import Decoder, Encoder, Whisper


def per_token(model: Decoder | Encoder | Whisper, value: int, tensor_parallel: int = 1) -> int:
    """Bytes on one GPU for a token of a sequence, `value` bytes each.

    GPUs share the key-value heads; where there are more of them than heads, each keeps one
    (docs.vllm.ai, `vllm.config.ModelConfig.get_num_kv_heads`).
    """
    match model:
        case Decoder():
            heads = max(1, model.key_value_heads // tensor_parallel)
            return 2 * model.num_hidden_layers * heads * model.width_of_head * value
        case Whisper():
            return 2 * model.decoder_layers * model.d_model * value
        case Encoder():
            return 0


def heard(model: Decoder | Encoder | Whisper, value: int) -> int:
    """Bytes for what a decoder has heard: Whisper keeps keys and values of all places of a window, whatever is said."""
    if not isinstance(model, Whisper):
        return 0
    return 2 * model.decoder_layers * model.d_model * model.max_source_positions * value
