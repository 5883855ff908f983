"""What an engine makes of its options: its Config and a placement go in, what it holds and computes at once comes out.

Each engine's overhead is a constant, since no config.json knows it: code, kernels and work areas of libraries, and
graphs. It is no measurement of your GPU, and docs/memory.md says where each is from.
"""

from serve import engine
from serve.device import threads
from serve.encoder import CORE_BATCH, GPU_BATCH, EncoderConfig
from serve.engines import faster_whisper, openvino, sentence_transformers, vllm
from serve.errors import ConfigurationError
from serve.estimate import config
from serve.estimate.architecture import Decoder, Encoder, Whisper
from serve.estimate.config import Checkpoint
from serve.estimate.datatype import BY_NAME, FLOAT16, FLOAT32, INT4, INT8, DataType
from serve.estimate.estimate import Workload
from serve.values import Closed, ModelArgs, Placement

GIBIBYTE = 2**30
VLLM = GIBIBYTE
"""CUDA graphs and what is not torch's: vLLM logs 0.3 to 1 GiB for the first and 0.01 to 0.2 GiB for the second."""
TORCH = 512 * 2**20
"""Context and kernels: 0.3 to 0.7 GiB, by card and version (discuss.pytorch.org/t/73021); an assumption for Intel's."""
TORCH_CPU = 750 * 2**20
"""What a replica had beside the weights of MiniLM by OpenVINO, which had exported them; by torch 50 to 100 MiB less."""
CTRANSLATE2 = GIBIBYTE
"""What is left of the 4755 MB that faster-whisper's README reports for large-v2 in float16 with 5 beams on a GPU."""
CTRANSLATE2_CPU = 256 * 2**20
"""What is left of the 1675 MB that it reports for small in float32 on a CPU."""
STEP, SEQUENCES = 2048, 128
"""vLLM's defaults where it is not told (vllm.config.SchedulerConfig)."""
DEFAULT: dict[type, type[Closed]] = {
    Decoder: vllm.Config,
    Encoder: sentence_transformers.Config,
    Whisper: faster_whisper.Config,
}
"""The engine that a model without an entry is estimated for."""


def read(args: ModelArgs, online: bool = True) -> tuple[Checkpoint, Workload]:
    """A model as it is published, and what its entry has its engine do; unless `online`, without asking the hub."""
    checkpoint = config.read(args.source, online)
    return checkpoint, workload(engine.config(args), args.placement, checkpoint.stored)


def default(checkpoint: Checkpoint) -> Closed:
    """Options of that engine, as it has them by itself."""
    return DEFAULT[type(checkpoint.architecture)]()


def workload(config: Closed, placement: Placement, stored: DataType) -> Workload:
    """Of an engine with these options, for weights that are stored so."""
    on_cpu = placement.vendor == "cpu"
    match config:
        case vllm.Config():
            return _vllm(config, placement, stored)
        case faster_whisper.Config():
            dtype = _compute_type(config.compute_type, stored, on_cpu)
            beside = CTRANSLATE2_CPU if on_cpu else CTRANSLATE2
            return Workload("faster_whisper", dtype, beside, batch=config.batch_size, beams=config.beam_size)
        case sentence_transformers.Config():
            automatic = FLOAT32 if on_cpu else FLOAT16
            dtype = automatic if config.dtype == "auto" else BY_NAME[config.dtype]
            return _encoder("sentence_transformers", config, dtype, placement, config.attention == "eager")
        case openvino.Config():
            return _encoder("openvino", config, _precision(config.precision, on_cpu), placement)
    engine = type(config).__module__.rpartition(".")[2]
    raise ConfigurationError(f"what engine {engine!r} needs is not known; set memory by hand")


def _vllm(config: vllm.Config, placement: Placement, stored: DataType) -> Workload:
    return Workload(
        "vllm",
        _loaded(config, stored),
        vllm.CPU_OVERHEAD if placement.vendor == "cpu" else VLLM,
        context=1 if config.args.get("max-model-len") == "auto" else config.max_model_len,
        reserved=config.kv_cache_memory_bytes,
        step=config.max_num_batched_tokens or STEP,
        sampled=config.max_num_seqs or SEQUENCES,
        cached=1 if config.kv_cache_dtype.startswith(("fp8", "int8")) else None,
        tensor_parallel=placement.tensor_parallel,
        pipeline_parallel=placement.pipeline_parallel,
    )


def _loaded(config: vllm.Config, stored: DataType) -> DataType:
    """What was quantised stays so; `auto` halves float32 (docs.vllm.ai, --dtype)."""
    if stored.quantised:
        return stored
    if config.quantization:
        return INT8 if "8" in config.quantization else INT4
    return FLOAT16 if config.dtype == "auto" else BY_NAME[config.dtype]


def _compute_type(name: str, stored: DataType, on_cpu: bool) -> DataType:
    """CTranslate2's word (opennmt.net/CTranslate2/quantization.html); a CPU computes in float32 what it cannot."""
    wide = on_cpu or name in ("int8", "int8_float32", "float32")
    if name.startswith("int8"):
        return DataType("int8", INT8.bits, 4) if wide else INT8
    if name == "int16":
        return DataType("int16", 16, 4)
    return FLOAT32 if wide or (name == "default" and stored == FLOAT32) else FLOAT16


def _precision(name: str, on_cpu: bool) -> DataType:
    """OpenVINO's word; int8 is of the weights alone."""
    if name == "int8":
        return DataType("int8", INT8.bits, 4 if on_cpu else 2)
    return FLOAT32 if name == "f32" or (name == "auto" and on_cpu) else FLOAT16


def _encoder(
    engine: str, config: EncoderConfig, dtype: DataType, placement: Placement, materialised: bool = False
) -> Workload:
    on_cpu = placement.vendor == "cpu"
    step = config.max_batch_tokens or (CORE_BATCH * threads(placement) if on_cpu else GPU_BATCH)
    beside = TORCH_CPU if on_cpu else TORCH
    return Workload(engine, dtype, beside, context=config.max_tokens, step=step, materialised=materialised)
