"""Tokenizers of the two families that stand-ins need: corpus.txt goes in, a `tokenizers.Tokenizer` comes out."""

import re
import string
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = Path(__file__).with_name("corpus.txt")


def byte_pairs(size: int, special: Sequence[str] = ()) -> Tokenizer:
    """Byte-level pairs as GPT-2, Llama 3 and Whisper have them: any text goes in and comes back unchanged."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train([str(CORPUS)], trainer)
    return tokenizer


def word_pieces() -> Tokenizer:
    """Lower-case word pieces as BERT has them: its special tokens, single characters, and the words of the corpus.

    They are listed, because what WordPieceTrainer finds differs from run to run.
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = [character for character in string.printable.lower() if not character.isspace()]
    pieces = [*characters, *(f"##{character}" for character in characters)]
    words = sorted(set(re.findall("[a-z]+", CORPUS.read_text(encoding="utf-8").lower())))
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*special, *pieces, *words]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer
