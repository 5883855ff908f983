"""Language models by vLLM: its own OpenAI server runs inside the replica, so that all it serves is served.

The options below are those that a values file commonly sets; `args` takes any other flag of `vllm serve`. All go
through vLLM's own parser, which knows them best.
"""

import json
import os
import shutil
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

from pydantic import Field

from serve import checkpoint, express
from serve.arithmetic import ROUNDOFF, Arithmetic, floats
from serve.device import total, word_for
from serve.errors import ModelUnavailable
from serve.express import Express
from serve.front import trace
from serve.metered import metered
from serve.metrics.steps import Steps
from serve.unreadable import answer_unreadable
from serve.values import Closed, Placement

CPU_OVERHEAD = 2**30  # Interpreter, code and activations of a small model, beside weights and KV cache.
IN_PROCESS = "vllm.v1.executor.uniproc_executor.UniProcExecutor"  # By its name, as the word "uni" is overruled.


class Config(Closed):
    """Flags of `vllm serve`; docs.vllm.ai/en/latest/cli/serve.html explains each."""

    max_model_len: int | None = Field(None, ge=1)
    """Longest context in tokens; default: the model's own."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of weights and activations."""
    quantization: str | None = None
    """How the weights are quantised, where the model does not say it."""
    kv_cache_memory_bytes: int | None = Field(None, ge=1)
    """Bytes of KV cache on each GPU; default: what the budget leaves."""
    kv_cache_dtype: str = "auto"
    """Type of the KV cache; fp8 holds twice as many tokens."""
    max_num_seqs: int | None = Field(None, ge=1)
    """Requests decoded at once."""
    max_num_batched_tokens: int | None = Field(None, ge=1)
    """Tokens in one step."""
    enforce_eager: bool = False
    """Skips graph capture: starts sooner, runs slower."""
    chat_template: str | None = None
    """A Jinja template, or the path of one, where the model brings none."""
    tool_call_parser: str | None = None
    """Enables automatic tool calls, written as this parser reads them."""
    reasoning_parser: str | None = None
    """Separates the reasoning from the answer."""
    trust_remote_code: bool = False
    """Runs code that the model brings."""
    max_loras: int | None = Field(None, ge=1)
    """Adapters that can be decoded at once; with `adapters` of the entry as many as its `max`."""
    max_lora_rank: int | None = Field(None, ge=1)
    """Largest rank of an adapter; default 16."""
    args: dict[str, Any] = {}
    """Any other flag, without its dashes: {enable-prefix-caching: false}."""

    def on_cpu(self) -> Self:
        """In float32, with as much context as there is memory for, and without what says how much work there is."""
        sizes = ("max_num_seqs", "max_num_batched_tokens", "kv_cache_memory_bytes", "max_loras", "max_lora_rank")
        flags = {"dtype": "float32", "kv_cache_dtype": "auto", "enforce_eager": True, **dict.fromkeys(sizes)}
        return self.model_copy(update={**flags, "args": {**self.args, "max-model-len": "auto"}})


class Engine:
    """A LanguageModel."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        os.environ.update(_environment(placement))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
        from vllm.platforms import current_platform
        from vllm.utils.argparse_utils import FlexibleArgumentParser
        from vllm.v1.engine.async_llm import AsyncLLM

        if placement.vendor == "cpu" and not current_platform.is_cpu():
            raise ModelUnavailable(
                "vLLM is built for GPUs here and runs on no CPU; the image of vendor cpu has one that does"
            )
        parser = make_arg_parser(FlexibleArgumentParser())
        parser.error = _refuse  # argparse would end the process.
        flags = [*_executor(placement), *_traced(), *_flags(config), *_placed(placement)]
        self._args = parser.parse_args([*flags, "--model", str(folder)])
        validate_parsed_serve_args(self._args)
        engine_args = AsyncEngineArgs.from_cli_args(self._args)
        self.waits = Steps()
        self.pulse = self.waits.pulse
        self._client = metered(AsyncLLM, self.waits).from_engine_args(engine_args, stat_loggers=[self.waits])

    async def app(self, names: Sequence[str]) -> Any:
        from vllm.entrypoints.launchers.api_server.app_state import init_app_state
        from vllm.entrypoints.launchers.app import build_app
        from vllm.envs import enable_envs_cache

        self._args.served_model_name = list(names)
        self._args.allowed_origins = []  # Which pages may read answers the front says, of all tasks alike.
        tasks = await self._client.get_supported_tasks()
        app = build_app(self._args, tasks, self._client.model_config)
        answer_unreadable(app)
        await init_app_state(self._client, app.state, self._args, tasks)
        self._models = app.state.openai_serving_models
        app.state.server = types.SimpleNamespace()  # On a dead engine vLLM tells its uvicorn to end; Serve restarts us.
        enable_envs_cache()  # Read anew for each token otherwise; vLLM does so in its engine's process alone.
        return Express(app, express.ways(app, self._args))

    async def check(self) -> None:
        await self._client.check_health()
        if not self._client.output_processor.has_unfinished_requests():  # All that there was may have left.
            self.pulse.rest()

    async def probe(self) -> None:
        from vllm import SamplingParams

        prompt = {"prompt_token_ids": [0]}
        async for _ in self._client.generate(prompt, SamplingParams(max_tokens=1), f"probe-{uuid.uuid4()}"):
            pass

    async def add(self, name: str, folder: Path) -> None:
        from vllm.entrypoints.serve.lora.protocol import LoadLoRAAdapterRequest

        refusal = await self._models.load_lora_adapter(LoadLoRAAdapterRequest(lora_name=name, lora_path=str(folder)))
        if not isinstance(refusal, str):
            raise ModelUnavailable(f"model {name!r}: vLLM could not load {folder.name!r}: {refusal.error.message}")

    async def remove(self, name: str) -> None:
        from vllm.entrypoints.serve.lora.protocol import UnloadLoRAAdapterRequest

        adapter = self._models.lora_requests[name].lora_int_id
        await self._models.unload_lora_adapter(UnloadLoRAAdapterRequest(lora_name=name))
        await self._client.remove_lora(adapter)

    def close(self) -> None:
        """Ends the engine's processes, which would outlive ours."""
        self._client.shutdown()


def _refuse(message: str) -> NoReturn:
    raise ValueError(f"engineConfig is not what vLLM takes: {message}")


def _flags(config: Config) -> Iterator[str]:
    """The command line of what the entry has set."""
    if config.max_loras:
        yield from ("--enable-lora", "--max-cpu-loras", str(config.max_loras))
    if config.tool_call_parser:
        yield "--enable-auto-tool-choice"
    own = config.model_dump(exclude_unset=True, exclude={"args"})
    for name, value in {**own, **config.args}.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif isinstance(value, list):
            yield from (f"--{flag}", *map(str, value))
        elif value is not None:
            yield from (f"--{flag}", json.dumps(value) if isinstance(value, Mapping) else str(value))


def _executor(placement: Placement) -> Iterator[str]:
    """A lone rank on a CPU runs within the engine's process. vLLM would give it one of its own, for OpenMP's settings
    that `_environment` makes, and both would spin while they wait for each other, on cores that others need."""
    if word_for(placement.vendor) == "cpu" and placement.tensor_parallel * placement.pipeline_parallel == 1:
        yield from ("--distributed-executor-backend", IN_PROCESS)


def _traced() -> Iterator[str]:
    """Where the front's spans go; vLLM's continue them."""
    if endpoint := os.environ.get(trace.VARIABLE):
        yield from ("--otlp-traces-endpoint", f"{endpoint.rstrip('/')}/v1/traces")


def _placed(placement: Placement) -> Iterator[str]:
    """The share as vLLM understands it: a fraction of the memory that the device really has."""
    yield from ("--tensor-parallel-size", str(placement.tensor_parallel))
    yield from ("--pipeline-parallel-size", str(placement.pipeline_parallel))
    if placement.spans:
        yield from ("--distributed-executor-backend", "ray")  # Whose workers take the placement group's bundles.
    if _lacks_compiler(placement):
        yield "--enforce-eager"
    if word_for(placement.vendor) != "cpu":
        there = placement.device_memory if placement.spans else total(placement)
        yield from ("--gpu-memory-utilization", f"{placement.memory / there:.4f}")


def _lacks_compiler(placement: Placement) -> bool:
    """On CPUs torch compiles graphs by g++, which the images do not have."""
    return word_for(placement.vendor) == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None


def _environment(placement: Placement) -> dict[str, str]:
    # OpenAI's bound of `n`; vLLM's own lets one request ask for 16,384 answers.
    env = {"VLLM_NO_USAGE_STATS": "1", "VLLM_MAX_N_SEQUENCES": os.environ.get("VLLM_MAX_N_SEQUENCES", "128")}
    protocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"  # vLLM's own default is gRPC.
    env |= {protocol: os.environ.get(protocol, "http/protobuf"), "OTEL_SERVICE_NAME": trace.service()}
    if word_for(placement.vendor) == "cpu":
        env["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"  # Other models run on these cores too.
        ranks = placement.tensor_parallel * placement.pipeline_parallel
        env["OMP_NUM_THREADS"] = str(max(1, round(placement.cpus / ranks)))
    if not placement.spans:  # Else torch's ranks, of one pod, would wait for each other at its address, open to all.
        env["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
    if _lacks_compiler(placement):
        env["TORCHDYNAMO_DISABLE"] = "1"  # vLLM compiles single functions even when told to run eagerly.
    return env


def arithmetic(config: Config, folder: Path, placement: Placement) -> Arithmetic:
    """vLLM halves what is stored in float32 where it may choose (docs.vllm.ai, --dtype)."""
    stored = checkpoint.stored_type(folder)
    automatic = stored if stored in ROUNDOFF and stored != "float32" else "float16"
    return Arithmetic("torch", floats(automatic if config.dtype == "auto" else config.dtype))
