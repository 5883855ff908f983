"""What the weights take: an architecture and a data type go in, parameters and bytes come out.

Parameters are counted tensor by tensor as transformers builds the model (modeling_llama.py, modeling_qwen2.py,
modeling_bert.py, modeling_xlm_roberta.py and modeling_whisper.py of github.com/huggingface/transformers).
"""

from serve.estimate.architecture import Decoder, Encoder, Whisper
from serve.estimate.datatype import DataType

GROUP = 128
"""Weights that share a 16-bit scale and a zero point: the group size of GPTQ and AWQ as models are published."""


def parameters(model: Decoder | Encoder | Whisper) -> int:
    """All of them."""
    match model:
        case Decoder():
            embeddings = model.vocab_size * model.hidden_size * (1 if model.tie_word_embeddings else 2)
            return embeddings + _projections(model) + _small(model)
        case Encoder():
            return _encoder(model)
        case Whisper():
            return _whisper(model)


def size(model: Decoder | Encoder | Whisper, dtype: DataType) -> int:
    """Bytes.

    GPTQ (arxiv.org/abs/2210.17323) and AWQ (arxiv.org/abs/2306.00978) quantise what lies between the embeddings of a
    language model and leave these as they are; CTranslate2 and OpenVINO quantise embeddings too
    (opennmt.net/CTranslate2/quantization.html), with one scale for each row, which hardly counts.
    """
    whole = parameters(model)
    if not dtype.quantised or not isinstance(model, Decoder):
        return whole * dtype.bits // 8
    quantised = _projections(model)
    return round(quantised * (dtype.bits + (16 + dtype.bits) / GROUP) / 8) + (whole - quantised) * dtype.values


def _projections(model: Decoder) -> int:
    """Queries, keys, values, output; gate, up, down."""
    queries = model.num_attention_heads * model.width_of_head
    shared = model.key_value_heads * model.width_of_head
    attention = 2 * model.hidden_size * queries + 2 * model.hidden_size * shared
    return model.num_hidden_layers * (attention + 3 * model.hidden_size * model.intermediate_size)


def _small(model: Decoder) -> int:
    """Norms and biases."""
    queries = model.num_attention_heads * model.width_of_head
    shared = model.key_value_heads * model.width_of_head
    layer = 2 * model.hidden_size
    if model.attention_bias or model.model_type == "qwen2":
        layer += queries + 2 * shared
    if model.attention_bias:
        layer += model.hidden_size
    if model.model_type == "qwen3":
        layer += 2 * model.width_of_head
    if model.mlp_bias:
        layer += 2 * model.intermediate_size + model.hidden_size
    return model.num_hidden_layers * layer + model.hidden_size


def _encoder(model: Encoder) -> int:
    """With the pooler of a BertModel, or the head of a cross-encoder, which takes as much."""
    width, inner = model.hidden_size, model.intermediate_size
    tables = (model.vocab_size + model.max_position_embeddings + model.type_vocab_size) * width + 2 * width
    layer = 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width
    return tables + model.num_hidden_layers * layer + width * width + width


def _whisper(model: Whisper) -> int:
    """Keys have no bias, and the output shares the embeddings."""
    width = model.d_model
    attention = 4 * width * width + 3 * width
    front = 3 * width * (model.num_mel_bins + width) + 2 * width + model.max_source_positions * width
    encoder = attention + 2 * width * model.encoder_ffn_dim + model.encoder_ffn_dim + width + 4 * width
    decoder = 2 * attention + 2 * width * model.decoder_ffn_dim + model.decoder_ffn_dim + width + 6 * width
    tables = (model.vocab_size + model.max_target_positions) * width
    return front + model.encoder_layers * encoder + tables + model.decoder_layers * decoder + 4 * width
