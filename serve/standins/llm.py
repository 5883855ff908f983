"""The language model's stand-in: a Llama of two layers with byte-level pairs and a chat template."""

from pathlib import Path

READ_BY = ("vllm",)
SPECIAL = ("<|begin|>", "<|end|>", "<|turn|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def make(folder: Path) -> None:
    """Writes weights, tokenizer and generation settings into `folder`."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from serve.standins.vocabulary import byte_pairs
    from serve.standins.weights import random_weights

    begin, end, turn = SPECIAL
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(1024, SPECIAL),
        bos_token=begin,
        eos_token=end,
        pad_token=end,
        additional_special_tokens=[turn],
        chat_template=TEMPLATE,
        model_max_length=2048,
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,  # The smallest that vLLM's attention on the CPU takes.
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,  # At the usual 0.02 the model repeats its last token.
        dtype="float32",
    )
    model = random_weights(lambda: LlamaForCausalLM(config))
    model.generation_config.max_new_tokens = 64  # Random weights know no end.
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
