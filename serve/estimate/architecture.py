"""What a config.json says of a model's shape: its content goes in, one of three architectures comes out.

The names of the fields are those of transformers' configurations, since that is what the files hold
(huggingface.co/docs/transformers, the page of each model).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from serve.errors import ConfigurationError


class Shape(BaseModel):
    """Frozen; a config.json says much else that is of no matter here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Decoder(Shape):
    """A language model: Llama and what is built like it."""

    model_type: Literal["llama", "mistral", "qwen2", "qwen3"]
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    vocab_size: int
    max_position_embeddings: int
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False

    @property
    def key_value_heads(self) -> int:
        """Fewer than the heads of queries with grouped-query attention (arxiv.org/abs/2305.13245)."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def width_of_head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def longest(self) -> int:
        return self.max_position_embeddings


class Encoder(Shape):
    """BERT and what is built like it: an embedding model, or a cross-encoder with a score at its end."""

    model_type: Literal["bert", "roberta", "xlm-roberta"]
    architectures: tuple[str, ...] = ()
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2

    @property
    def longest(self) -> int:
        """RoBERTa counts places from after its padding token, which takes two of them."""
        return self.max_position_embeddings - (0 if self.model_type == "bert" else 2)


class Whisper(Shape):
    """Speech to text (arxiv.org/abs/2212.04356): an encoder of half-minute windows, and a decoder that reads it."""

    model_type: Literal["whisper"] = "whisper"
    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    encoder_ffn_dim: int
    decoder_ffn_dim: int
    vocab_size: int
    num_mel_bins: int = 80
    max_source_positions: int = 1500
    max_target_positions: int = 448

    @property
    def longest(self) -> int:
        return self.max_target_positions


Architecture = Annotated[Decoder | Encoder | Whisper, Field(discriminator="model_type")]
KNOWN: TypeAdapter[Decoder | Encoder | Whisper] = TypeAdapter(Architecture)
TYPES = [name for cls in (Decoder, Encoder, Whisper) for name in cls.model_fields["model_type"].annotation.__args__]  # type: ignore[union-attr]

# Width, encoder layers, decoder layers, heads, mel bins and words: arxiv.org/abs/2212.04356, table 1, and for large-v3
# and turbo their config.json. CTranslate2's own says none of it.
SIZES = {
    "tiny": (384, 4, 4, 6, 80, 51865),
    "base": (512, 6, 6, 8, 80, 51865),
    "small": (768, 12, 12, 12, 80, 51865),
    "medium": (1024, 24, 24, 16, 80, 51865),
    "large-v2": (1280, 32, 32, 20, 80, 51865),
    "large-v3": (1280, 32, 32, 20, 128, 51866),
    "large-v3-turbo": (1280, 32, 4, 20, 128, 51866),
}


def known(config: Mapping[str, Any], where: str) -> Decoder | Encoder | Whisper:
    """The architecture of `where`, or ConfigurationError with those that there are."""
    if "alignment_heads" in config and "model_type" not in config:
        return _converted(where)
    if (kind := config.get("model_type")) not in TYPES:
        reason = f"its model_type is {kind!r}, and known are {', '.join(TYPES)}"
        raise ConfigurationError(f"{where} cannot be estimated: {reason}; set memory by hand")
    try:
        return KNOWN.validate_python(config)
    except ValidationError as error:
        wrong = "; ".join(f"{issue['loc'][-1]}: {issue['msg']}" for issue in error.errors())
        raise ConfigurationError(f"{where} cannot be estimated: {wrong}; set memory by hand") from None


def _converted(where: str) -> Whisper:
    """A Whisper model that was converted for CTranslate2: its size is the end of its name."""
    name = where.rstrip("/").removesuffix(".en").partition("@")[0]
    size = max((size for size in SIZES if name.endswith(f"-{size}")), key=len, default=None)
    if size is None:
        raise ConfigurationError(
            f"{where} cannot be estimated: CTranslate2's config.json does not say its size, and its name does not end "
            f"in one of {', '.join(SIZES)}; set memory by hand"
        )
    width, encoders, decoders, heads, mels, words = SIZES[size]
    return Whisper(
        d_model=width,
        encoder_layers=encoders,
        decoder_layers=decoders,
        encoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        vocab_size=words,
        num_mel_bins=mels,
    )
