"""A model is known by what its folder, the cache or the hub says of it, without its weights."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from huggingface_hub import constants

from serve.errors import ConfigurationError
from serve.estimate import config
from serve.estimate.architecture import Whisper
from serve.estimate.datatype import FLOAT16, INT4, INT8, DataType
from serve.values import Source
from tests.estimate import published
from tests.estimate.test_published import CONFIGS

LLAMA = json.loads((CONFIGS / published.L8 / "config.json").read_text())
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Made = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A folder with a config.json, and other files."""

    def make(content: Any, name: str = "model", **files: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for file, text in {"config.json": json.dumps(content), **files}.items():
            (folder / file).write_text(text)
        return folder

    return make


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"quant_method": "awq", "bits": 4}, INT4),
        ({"quant_method": "gptq", "bits": 8}, INT8),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False}, INT4),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}}, INT4),
        ({"quant_method": "fp8"}, INT8),
    ],
    ids=["awq", "gptq", "bitsandbytes", "compressed-tensors", "fp8"],
)
def test_a_quantised_model_says_how(how: dict[str, Any], expected: DataType, made: Made) -> None:
    assert config.of_folder(made({**LLAMA, "quantization_config": how})).stored == expected


def test_a_quantisation_of_unknown_size_is_no_guess(made: Made) -> None:
    folder = made({**LLAMA, "quantization_config": {"quant_method": "quip"}})
    with pytest.raises(ConfigurationError, match=r"quantised by 'quip', whose size is not known; set memory by hand"):
        config.of_folder(folder)


def test_the_index_of_the_weights_says_their_exact_size(made: Made) -> None:
    index = json.dumps({"metadata": {"total_size": 16_060_522_496}, "weight_map": {}})
    assert config.of_folder(made(LLAMA, **{config.INDEX: index})).size == 16_060_522_496


def test_an_unknown_architecture_is_refused_with_those_that_are_known(made: Made) -> None:
    with pytest.raises(ConfigurationError) as refused:
        config.of_folder(made({"model_type": "mamba"}))
    assert "its model_type is 'mamba', and known are llama, mistral, qwen2, qwen3, bert" in refused.value.message
    assert refused.value.message.endswith("set memory by hand")


def test_a_known_architecture_that_lacks_a_size_names_it(made: Made) -> None:
    with pytest.raises(ConfigurationError, match="hidden_size: Field required"):
        config.of_folder(made({key: value for key, value in LLAMA.items() if key != "hidden_size"}))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no config\.json"):
        config.of_folder(tmp_path)


def test_a_model_of_ctranslate2_is_known_by_its_name(made: Made) -> None:
    """Its config.json has no sizes, and is the same whatever they are."""
    converted = config.of_folder(made({"alignment_heads": [[7, 0]], "lang_ids": []}, "faster-whisper-large-v3"))
    whole = config.of_folder(CONFIGS / published.WHISPER)
    assert converted.architecture == whole.architecture
    assert converted.stored == FLOAT16


def test_the_longest_name_of_a_size_counts(made: Made) -> None:
    turbo = config.of_folder(made({"alignment_heads": []}, "faster-whisper-large-v3-turbo")).architecture
    assert isinstance(turbo, Whisper)
    assert turbo.decoder_layers == 4


def test_a_model_of_ctranslate2_with_another_name_is_refused(made: Made) -> None:
    with pytest.raises(ConfigurationError, match="its name does not end in one of tiny, base"):
        config.of_folder(made({"alignment_heads": []}, "my-whisper"))


def test_what_was_fetched_for_serving_is_read_without_the_hub(made: Made, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    made(LLAMA, "hub/org/name@main")
    assert config.read(Source(hub="org/name"), online=False).architecture.longest == 131072


def test_the_hubs_own_cache_is_read_without_the_hub(made: Made, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    made(LLAMA, f"models--org--name/snapshots/{COMMIT}")
    (tmp_path / "models--org--name" / "refs").mkdir()
    (tmp_path / "models--org--name" / "refs" / "main").write_text(COMMIT)
    assert config.read(Source(hub="org/name"), online=False).stored == FLOAT16


def test_without_the_hub_a_model_that_is_not_here_is_an_error_that_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"config.json is not on this machine, and the hub was not asked"):
        config.read(Source(hub="org/name"), online=False)


def test_a_hub_that_does_not_answer_is_an_error_that_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    """Nothing listens at port 9 of the loopback address."""
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"is not on this machine, and the hub does not answer; give a folder"):
        config.read(Source(hub="org/name"))


def test_a_bucket_is_read_only_where_it_was_fetched(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    with pytest.raises(ConfigurationError, match="a bucket is estimated only when it was fetched"):
        config.read(Source(s3="bucket/model"))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on the loopback address that has the config.json of org/llama alone; what it is asked for."""
    content, paths = json.dumps(LLAMA).encode(), list[str]()
    etag = {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
    answers = {
        "/": (200, {}, b""),
        "/org/llama/resolve/main/config.json": (200, etag, content),
        "/org/gated/resolve/main/config.json": (403, {"X-Error-Code": "GatedRepo"}, b""),
    }

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            paths.append(self.path)
            missing = (404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"")
            status, headers, body = answers.get(self.path, missing)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield paths
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_for_what_describes_a_model_and_never_for_weights(asked: list[str]) -> None:
    assert config.read(Source(hub="org/llama")).architecture.longest == 131072
    files = {path.rpartition("/")[2] for path in asked}
    assert files == {"", config.CONFIG, config.INDEX}


def test_a_gated_model_is_an_error_that_says_what_to_do(asked: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="'org/gated' is gated; accept its terms"):
        config.read(Source(hub="org/gated"))


def test_a_repository_without_a_config_is_refused(asked: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"'org/weights' has no config\.json; set memory by hand"):
        config.read(Source(hub="org/weights"))
