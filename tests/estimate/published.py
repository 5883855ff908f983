"""What others have published: the figures that estimates are held against, each with its source.

Sizes of memory are in bytes. Where a source writes GB and means 2**30 bytes, as its own numbers show, it is read so.
"""

from dataclasses import dataclass

GIB, GB, MIB = 2**30, 10**9, 2**20
LLAMA = "huggingface.co/blog/llama31, inference memory requirements"
QWEN = "qwen.readthedocs.io/en/v2.5/benchmark/speed_benchmark.html, transformers on an A100"
VLLM = "vLLM's own log of versions 0.6 to 0.8, as published by its users"
BGE = "bge-model.com, list of models"

L8, L70 = "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-70B"
Q7, Q1 = "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-1.5B-Instruct"
WHISPER, LARGE, RERANKER = "openai/whisper-large-v3", "BAAI/bge-large-en-v1.5", "BAAI/bge-reranker-v2-m3"


@dataclass(frozen=True)
class Figure:
    """One of them, and where it stands."""

    model: str
    value: float
    source: str
    dtype: str = "float16"
    tokens: int = 0
    """Of the context, or of the input."""


PARAMETERS = [
    Figure(L8, 8.03e9, "model card on the hub"),
    Figure(L70, 70.6e9, "model card on the hub"),
    Figure(Q7, 7.61e9, "model card on the hub"),
    Figure(Q1, 1.54e9, "model card on the hub"),
    Figure(WHISPER, 1550e6, "model card on the hub; arxiv.org/abs/2212.04356, table 1"),
    Figure(LARGE, 335e6, BGE),
    Figure(RERANKER, 568e6, "model card on the hub"),
]
WEIGHTS = [
    Figure(L8, 16 * GB, LLAMA),
    Figure(L8, 14.99 * GIB, VLLM),
    Figure(L70, 140 * GB, LLAMA),
    Figure(L8, 5.73 * GB, "files of huggingface.co/hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "int4"),
    Figure(L70, 39.8 * GB, "files of huggingface.co/hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4", "int4"),
    Figure(Q1, 2.89 * GIB, VLLM),
    Figure(WHISPER, 3.09 * GB, "model.safetensors on the hub"),
    Figure(LARGE, 1.34 * GB, BGE, "float32"),
    Figure(RERANKER, 2.27 * GB, "model.safetensors on the hub", "float32"),
]
CACHE = [
    Figure(L8, 0.125 * GIB, LLAMA, tokens=1024),
    Figure(L8, 1.95 * GIB, LLAMA, tokens=16_000),
    Figure(L8, 15.62 * GIB, LLAMA, tokens=128_000),
    Figure(L70, 0.313 * GIB, LLAMA, tokens=1024),
    Figure(L70, 4.88 * GIB, LLAMA, tokens=16_000),
    Figure(L70, 39.06 * GIB, LLAMA, tokens=128_000),
]
GENERATED = 2048
"""Tokens that Qwen let each model write after the input."""
TOGETHER = [
    Figure(Q7, 14.38 * GIB, QWEN, tokens=1),
    Figure(Q7, 15.38 * GIB, QWEN, tokens=6144),
    Figure(Q7, 16.91 * GIB, QWEN, tokens=14_336),
    Figure(Q7, 19.97 * GIB, QWEN, tokens=30_720),
    Figure(Q7, 8.42 * GIB, QWEN, "int8", tokens=1),
    Figure(Q7, 14.01 * GIB, QWEN, "int8", tokens=30_720),
    Figure(Q7, 5.52 * GIB, QWEN, "int4", tokens=1),
    Figure(Q7, 11.11 * GIB, QWEN, "int4", tokens=30_720),
    Figure(Q1, 2.95 * GIB, QWEN, tokens=1),
    Figure(Q1, 5.62 * GIB, QWEN, tokens=30_720),
    Figure(Q1, 1.82 * GIB, QWEN, "int8", tokens=1),
    Figure(Q1, 1.18 * GIB, QWEN, "int4", tokens=1),
    Figure(Q1, 3.85 * GIB, QWEN, "int4", tokens=30_720),
]
"""Weights, cache and the peak while the input is read."""
SAMPLING = [Figure(L8, 1.19 * GIB, VLLM)]
"""vLLM's peak with 256 sequences, its default then."""
STEP = [Figure(Q1, 2.02 * GIB, VLLM, tokens=32_768), Figure(L8, 0.22 * GIB, VLLM, tokens=2048)]
"""vLLM's peak where so many tokens are one step."""
FASTER = "README of faster-whisper, 5 beams"
SPEECH = [
    Figure(WHISPER, 4755 * MIB, f"{FASTER}, large-v2 on a V100; the overhead is from it"),
    Figure(WHISPER, 3091 * MIB, f"{FASTER}, large-v2 on a V100", "int8"),
]
SPEECH_ON_CPU = [
    Figure("small", 1675 * MIB, f"{FASTER}, small on a CPU; the overhead is from it", "float32"),
    Figure("small", 995 * MIB, f"{FASTER}, small on a CPU", "int8"),
]
