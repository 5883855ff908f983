"""What is known of a model without its weights: a source goes in, its architecture, data type and size come out.

Read are config.json and, where there is one, the index of the safetensors, from a folder, from what was fetched
before, or from the hub by huggingface_hub with what it knows (HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

from serve.errors import ConfigurationError
from serve.estimate.architecture import Decoder, Encoder, Whisper, known
from serve.estimate.datatype import BY_BITS, BY_NAME, FLOAT16, FLOAT32, DataType
from serve.sources import cache, folder_name, hub
from serve.standins import hub_answers
from serve.values import Source

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
WHOLE = ("model.safetensors", "model.bin")
"""The weights in one file: of transformers, and of CTranslate2."""


@dataclass(frozen=True)
class Checkpoint:
    """A model as it is published."""

    architecture: Decoder | Encoder | Whisper
    stored: DataType
    """How its weights are stored."""
    size: int | None = None
    """Bytes of its weights, where that is known."""


def read(source: Source, online: bool = True) -> Checkpoint:
    """Of a source; unless `online`, only where it is on this machine."""
    if source.path is not None:
        return of_folder(Path(source.path))
    fetched = cache() / folder_name(source)
    if fetched.is_dir():
        return of_folder(fetched)
    if source.hub is None:
        raise ConfigurationError("a bucket is estimated only when it was fetched to this machine; set memory by hand")
    return _of_hub(source, source.hub, online)


def of_folder(folder: Path) -> Checkpoint:
    """Of a model's folder."""
    index = folder / INDEX
    size = _total(index) if index.is_file() else _whole(folder)
    return _checkpoint(_described(folder), str(folder), size)


def stored(folder: Path) -> DataType:
    """How the weights in a model's folder are stored, whatever its architecture."""
    return _stored(_described(folder), str(folder))


def _described(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise ConfigurationError(f"{folder} has no {CONFIG}, so it cannot be estimated; set memory by hand")
    return _json(folder / CONFIG)


def _of_hub(source: Source, repository: str, online: bool) -> Checkpoint:
    config = _json(_from_hub(source, repository, CONFIG, online))
    try:
        size = _total(_from_hub(source, repository, INDEX, online))
    except (EntryNotFoundError, ConfigurationError):  # One file has no index, and a cache may lack it.
        size = None
    return _checkpoint(config, repository, size)


def _from_hub(source: Source, repository: str, name: str, online: bool) -> Path:
    """From the client's own cache, or else from the hub, if it answers at all: the client waits long for that."""
    try:
        return _file(source, repository, name, online=False)
    except LocalEntryNotFoundError:
        if not online or not hub_answers():
            how = "the hub does not answer" if online else "the hub was not asked"
            raise ConfigurationError(
                f"hub repository {repository!r}: {name} is not on this machine, and {how}; give a folder, or set "
                "memory by hand"
            ) from None
    try:
        return _file(source, repository, name, online=True)
    except EntryNotFoundError:
        if name == CONFIG:
            raise ConfigurationError(f"hub repository {repository!r} has no {CONFIG}; set memory by hand") from None
        raise
    except Exception as error:
        if reason := hub.incurable(error, source):
            raise ConfigurationError(reason) from error
        raise


def _file(source: Source, repository: str, name: str, online: bool) -> Path:
    disable_progress_bars()
    return Path(
        hf_hub_download(
            repository, name, revision=source.revision, local_files_only=not online, endpoint=hub.endpoint()
        )
    )


def _checkpoint(config: Mapping[str, Any], where: str, size: int | None) -> Checkpoint:
    return Checkpoint(known(config, where), _stored(config, where), size)


def _stored(config: Mapping[str, Any], where: str) -> DataType:
    """By how it was quantised, else by its type; what was converted for CTranslate2 says neither."""
    if "model_type" not in config:
        return FLOAT16
    if quantisation := config.get("quantization_config"):
        return _quantised(quantisation, where)
    return BY_NAME.get(str(config.get("torch_dtype") or config.get("dtype") or "float32"), FLOAT32)


def _quantised(how: Mapping[str, Any], where: str) -> DataType:
    """GPTQ and AWQ say `bits`, compressed-tensors `num_bits` of each group, bitsandbytes and fp8 say it by name."""
    groups = [group["weights"]["num_bits"] for group in how.get("config_groups", {}).values()]
    named = {"load_in_4bit": 4, "load_in_8bit": 8, "fp8": 8, "mxfp4": 4}
    found = [bits for name, bits in named.items() if how.get(name) or how.get("quant_method") == name]
    bits = next((bits for bits in (how.get("bits"), *groups, *found) if bits in BY_BITS), None)
    if bits is None:
        method = how.get("quant_method")
        raise ConfigurationError(f"{where} is quantised by {method!r}, whose size is not known; set memory by hand")
    return BY_BITS[bits]


def _total(index: Path) -> int | None:
    total: int | None = _json(index).get("metadata", {}).get("total_size")
    return total


def _whole(folder: Path) -> int | None:
    return next(((folder / name).stat().st_size for name in WHOLE if (folder / name).is_file()), None)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file} is not a JSON object; set memory by hand")
    return found
