"""What is computed at once takes memory for as long as that lasts: an architecture and tokens go in, bytes come out.

Each is a bound on the largest step, and not a trace of an allocator. That of a language model comes within 3% of the
peaks that Qwen published for inputs of 14336 and 30720 tokens (docs/memory.md).
"""

from serve.estimate.architecture import Decoder, Encoder, Whisper

SAMPLED = 40
"""Bytes for each word of the vocabulary and each sequence that is sampled: logits as computed and as float32, sorted,
with their places, as probabilities, summed up. Taken from vLLM's own profile: 1.45 GiB for 256 sequences of 151936
words (Qwen3 8B on four GPUs), 1.19 GiB for 256 of 128256 (Llama 3.1 8B)."""


def forward(model: Decoder | Encoder | Whisper, tokens: int, value: int, tensor_parallel: int = 1) -> int:
    """Bytes while a layer's feed-forward part is computed, which is where a transformer is widest.

    A gated one holds gate, up and their product, a plain one its inner values before and after the activation function;
    beside them lie the residual, the normalised input, the output and its sum. Attention is not materialised (flash and
    memory-efficient kernels, arxiv.org/abs/2205.14135), except by CTranslate2.
    """
    match model:
        case Decoder():
            inner = 3 * model.intermediate_size // tensor_parallel
            return tokens * (inner + 4 * model.hidden_size) * value
        case Encoder():
            return tokens * (2 * model.intermediate_size + 4 * model.hidden_size) * value
        case Whisper():
            scores = 2 * model.encoder_attention_heads * model.max_source_positions
            return tokens * (2 * model.encoder_ffn_dim + 4 * model.d_model + scores) * value


def sampling(model: Decoder | Encoder | Whisper, sequences: int) -> int:
    """Bytes while the next words of so many sequences are chosen; GPUs do not share that."""
    return sequences * model.vocab_size * SAMPLED if isinstance(model, Decoder) else 0


def scores(model: Decoder | Encoder | Whisper, tokens: int, context: int, value: int) -> int:
    """Bytes of an encoder's attention where it is materialised (`attention: eager`): before and after the softmax."""
    return 2 * tokens * context * model.num_attention_heads * value if isinstance(model, Encoder) else 0
