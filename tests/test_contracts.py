"""The naming equations of the design, held by listing folders: nothing keeps a list of names by hand."""

import ast
import importlib
import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import pytest
import yaml

from serve import engine
from serve.job import Job, JobArgs
from serve.values import Model, ModelArgs, Placement, Task

ROOT = Path(__file__).parents[1]
TASKS = sorted(path.stem for path in (ROOT / "serve" / "tasks").glob("[a-z]*.py"))
JOBS = sorted(path.stem for path in (ROOT / "serve" / "batch").glob("[a-z]*.py"))
BUILDERS = [*(f"serve.tasks.{task}" for task in TASKS), "serve.gateway"]
VALUES = sorted((ROOT / "values").glob("*.yaml"))
HEAVY = {"torch", "vllm", "transformers", "faster_whisper", "ctranslate2", "kokoro", "sentence_transformers",
         "openvino", "optimum"}  # fmt: skip


def entries() -> list[tuple[str, str, dict[str, typing.Any]]]:
    return [
        (path.stem, kind, entry)
        for path in VALUES
        for kind in ("models", "accelerators")
        for entry in (yaml.safe_load(path.read_text()).get(kind) or {}).values()
    ]


def test_a_task_of_the_values_is_a_module_of_serve_tasks() -> None:
    assert sorted(typing.get_args(Task)) == TASKS


@pytest.mark.parametrize("path", BUILDERS)
def test_a_builder_takes_its_arguments_as_a_type_and_not_as_a_text(path: str) -> None:
    """Ray hands an unvalidated dict to a builder whose annotation is a string."""
    module = importlib.import_module(path)
    assert module.build.__annotations__["args"] is module.Args
    source = ast.parse(Path(str(module.__file__)).read_text())
    futures = [node for node in source.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert not futures


@pytest.mark.parametrize("task", TASKS)
def test_a_tasks_arguments_are_those_that_the_chart_writes(task: str) -> None:
    args = importlib.import_module(f"serve.tasks.{task}").Args
    assert issubclass(args, ModelArgs)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_an_engine_besides_the_fake_one(task: str) -> None:
    module = importlib.import_module(f"serve.tasks.{task}")
    replica = next(value for value in vars(module).values() if getattr(value, "task", None) == task)
    assert set(engine.able(replica.protocol)) - {"fake"}


def test_a_task_of_the_jobs_is_a_module_of_serve_batch() -> None:
    assert sorted(typing.get_args(Job.model_fields["task"].annotation)) == JOBS


@pytest.mark.parametrize("task", JOBS)
def test_a_batch_task_does_what_the_task_of_its_name_serves(task: str) -> None:
    """By the same engines, and so with the same answers."""
    done_by, served_by = (importlib.import_module(f"serve.{folder}.{task}") for folder in ("batch", "tasks"))
    assert done_by.run.__annotations__["args"] is JobArgs
    worker, replica = (
        next(cls for cls in vars(module).values() if isinstance(cls, type) and hasattr(cls, "protocol"))
        for module in (done_by, served_by)
    )
    assert worker.protocol is replica.protocol


def test_a_task_has_a_check_for_helm_test() -> None:
    assert sorted(path.stem for path in (ROOT / "serve" / "checks").glob("[a-z]*.py")) == TASKS


@pytest.mark.parametrize("name", engine.names())
def test_an_engine_has_a_config_an_engine_and_an_extra_of_its_name(name: str) -> None:
    module = engine.module(name)
    assert module.Config.model_config["extra"] == "forbid"
    assert callable(module.Engine)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert name == "fake" or name in extras


def test_a_task_has_answers_to_compare_with_a_cpus() -> None:
    assert {path.stem for path in (ROOT / "serve" / "reference").glob("[a-z]*.py")} == {*TASKS, "place"}


@pytest.mark.parametrize("name", sorted(set(engine.names()) - {"fake"}))
def test_the_library_by_which_an_engine_computes_is_a_module_of_serve_kernels(name: str, tmp_path: Path) -> None:
    module = engine.module(name)
    place = Placement(accelerator="laptop", vendor="cpu", num_gpus=0, memory=0, device_memory=0)
    found = module.arithmetic(module.Config().on_cpu(), tmp_path, place)
    assert (ROOT / "serve" / "kernels" / f"{found.library}.py").exists()
    assert found.precisions == ("float32",)


@pytest.mark.parametrize("name", engine.names())
def test_every_option_of_an_engine_is_described(name: str) -> None:
    undescribed = [key for key, field in engine.module(name).Config.model_fields.items() if not field.description]
    assert not undescribed


def test_every_key_of_an_entry_is_described() -> None:
    fields = Model.model_fields | Job.model_fields
    assert not [key for key, field in fields.items() if not field.description]


@pytest.mark.parametrize("path", [*BUILDERS, *(f"serve.engines.{name}" for name in engine.names())])
def test_a_module_that_the_head_imports_needs_no_heavy_package(path: str) -> None:
    """Serve imports each import_path on the head, whose image has no engine."""
    code = f"import sys, {path}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_a_vendor_of_the_values_is_a_folder_of_images() -> None:
    used = {entry["vendor"] for _, kind, entry in entries() if kind == "accelerators"}
    assert used <= {path.parent.name for path in (ROOT / "images").glob("*/Dockerfile")}


def test_an_engine_of_the_values_is_a_module_of_serve_engines() -> None:
    assert {entry["engine"] for _, kind, entry in entries() if kind == "models"} <= set(engine.names())


def test_the_command_line_does_not_wait_for_ray() -> None:
    asked = "import sys, serve.cli.app; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
