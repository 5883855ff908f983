"""What the chart makes of models: serveConfigV2, which the builders must accept to the last key."""

import importlib
import json
from typing import Any

import pytest
from ray.serve.schema import ServeDeploySchema

from serve import schema, tasks
from serve.quantity import in_bytes
from serve.table import Table
from serve.values import Autoscaling, ModelArgs, Served
from tests.helm import VALUES, Rendered, fleet, render

GiB = 2**30
ENVIRONMENTS = sorted(path.stem for path in VALUES.glob("*.yaml") if path.stem != "images")  # That one has no models.


def _redumped(args: dict[str, Any], cls: type[ModelArgs]) -> Any:
    return json.loads(cls.model_validate(args).model_dump_json(by_alias=True, exclude_unset=True))


def _args(task: str) -> type[ModelArgs]:
    cls: type[ModelArgs] = importlib.import_module(f"serve.tasks.{task}").Args
    return cls


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_applications_args_pass_its_builders_type_and_lose_no_key(environment: str) -> None:
    _, *applications = render(environment).applications.values()
    assert applications
    for application in applications:
        task = application["import_path"].removeprefix("serve.tasks.").removesuffix(":build")
        assert _redumped(application["args"], _args(task)) == application["args"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_rays_schema_takes_the_configuration_and_loses_no_key(environment: str) -> None:
    config = render(environment).config
    redumped = ServeDeploySchema.model_validate(config).model_dump(mode="json", exclude_unset=True)
    assert redumped == config


def test_ray_would_drop_a_misspelt_key_in_silence(small: Rendered) -> None:
    config = {**small.config, "proxy_locaton": "HeadOnly"}
    assert "proxy_locaton" not in ServeDeploySchema.model_validate(config).model_dump(mode="json", exclude_unset=True)


def test_an_application_is_its_entry_with_a_placement_for_the_accelerator(small: Rendered) -> None:
    assert {**small.applications["ears"], "deployments": []} == {
        "name": "ears",
        "route_prefix": "/ears",
        "import_path": "serve.tasks.stt:build",
        "args": {
            "model": "ears",
            "engine": "fake",
            "source": {"path": "/ears"},
            "placement": {
                "accelerator": "small",
                "vendor": "cuda",
                "numGpus": 0.5,
                "tensorParallel": 1,
                "pipelineParallel": 1,
                "cpus": 1,
                "memory": 4 * GiB,
                "deviceMemory": 8 * GiB,
            },
        },
        "deployments": [],
    }


def _scaling(**changes: Any) -> dict[str, Any]:
    (deployment,) = render(fleet(**changes)).applications["ears"]["deployments"]
    scaling: dict[str, Any] = deployment["autoscaling_config"]
    return scaling


def test_a_number_of_replicas_is_kept_but_given_up_while_no_node_has_the_accelerator() -> None:
    scaling = _scaling(models__ears__replicas=2, accelerators__small__patience=7)
    assert {key: scaling[f"{key}_replicas"] for key in ("min", "initial", "max")} == {"min": 0, "initial": 2, "max": 2}
    assert scaling["policy"] == {
        "policy_function": "serve.replicas:Replicas",
        "policy_kwargs": {"accelerator": "small", "patience": 7},
    }
    assert (scaling["upscale_delay_s"], scaling["downscale_delay_s"], scaling["downscale_to_zero_delay_s"]) == (0, 0, 0)


def test_how_long_a_replica_may_take_to_end_is_no_argument_so_that_a_change_replaces_none() -> None:
    before, after = (render(fleet(**more)).applications["ears"] for more in ({}, {"models__ears__drainTimeout": 5}))
    assert [one["deployments"][0]["graceful_shutdown_timeout_s"] for one in (before, after)] == [120, 5]
    assert before["args"] == after["args"]


def test_bounds_of_replicas_come_with_the_types_defaults() -> None:
    scaling = _scaling(models__ears__replicas={"max": 2, "upscaleDelay": 0})
    assert {key: scaling[f"{key}_replicas"] for key in ("min", "initial", "max")} == {"min": 0, "initial": 1, "max": 2}
    bounds = Autoscaling.model_validate({"max": 2, "upscaleDelay": 0})
    found = (scaling["target_ongoing_requests"], scaling["upscale_delay_s"], scaling["downscale_delay_s"])
    assert found == (bounds.target_ongoing_requests, bounds.upscale_delay, bounds.downscale_delay)


def test_a_model_that_may_have_no_replica_keeps_its_last_as_long_as_any() -> None:
    assert _scaling(models__ears__replicas={"min": 0, "max": 2})["downscale_to_zero_delay_s"] == 300


def test_the_gateway_knows_which_models_rest_so_that_it_does_not_wake_them() -> None:
    assert "rests" not in table(fleet())["ears"]
    bounds = {"models__ears__replicas": {"min": 0, "max": 1}}
    assert table(fleet(**bounds))["ears"]["rests"] == "replicas"
    assert table(fleet(**bounds, accelerators__small__nodes={"min": 0, "max": 1}))["ears"]["rests"] == "nodes"


def table(values: dict[str, Any]) -> dict[str, Any]:
    """What the gateway is told of each model."""
    (deployment,) = render(values).applications["gateway"]["deployments"]
    models: dict[str, Any] = deployment["user_config"]["models"]
    return models


def test_where_the_autoscaler_adds_nodes_replicas_wait_for_them() -> None:
    scaling = _scaling(accelerators__small__nodes={"min": 0, "max": 2})
    assert (scaling["min_replicas"], "policy" in scaling) == (1, False)


EVERYTHING: dict[str, Any] = {
    "names": ["org/name"],
    "engine": "fake",
    "engineConfig": {"maxTokens": 0, "loadError": ""},
    "source": {"hub": "a/b", "revision": "c", "include": ["*.bin"]},
    "maxOngoingRequests": 1000000,
    "maxQueuedRequests": 0,
    "queueTimeout": 0.5,
    "requestTimeout": 600,
    "stallTimeout": 10,
    "maxBody": "1Gi",
    "adapters": {"source": {"path": "/adapters"}, "max": 2},
    "loadPatience": 5,
    "reference": "made",
    "fallback": "cpu",
}


@pytest.mark.parametrize("key", [str(field.alias) for field in Served.model_fields.values()])
def test_every_key_that_entry_and_args_share_passes_as_it_is(key: str) -> None:
    rendered = render(fleet(**{f"models__ears__{key}": EVERYTHING[key]}))
    assert rendered.applications["ears"]["args"][key] == EVERYTHING[key]


def test_a_language_models_routing_is_an_argument_of_its_builder() -> None:
    application = render(fleet(models__ears__task="llm", models__ears__routing="prefix")).applications["ears"]
    assert application["args"]["routing"] == "prefix"
    assert _redumped(application["args"], _args("llm")) == application["args"]


def test_how_much_audio_a_request_may_have_is_an_argument_of_a_recognisers_builder() -> None:
    application = render(fleet(models__ears__maxAudio=600)).applications["ears"]
    assert application["args"]["maxAudio"] == 600
    assert _redumped(application["args"], _args("stt")) == application["args"]


def test_the_proxy_runs_on_every_node(small: Rendered) -> None:
    assert small.config["proxy_location"] == "EveryNode"
    options = {"host": "0.0.0.0", "port": 8000, "keep_alive_timeout_s": 300}
    assert small.config["http_options"] == options


def test_the_gateway_gets_its_table_by_user_config_alone() -> None:
    gateway = render(fleet(models__ears__names=["org/ears"])).applications["gateway"]
    assert (gateway["route_prefix"], gateway["import_path"], gateway["args"]) == ("/", "serve.gateway:build", {})
    (deployment,) = gateway["deployments"]
    assert deployment["user_config"]["models"]["ears"] == {
        "task": "stt",
        "names": ["org/ears"],
        "engine": "fake",
        "accelerator": "small",
        "queueTimeout": 60,
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_gateway_understands_its_table(environment: str) -> None:
    rendered = render(environment)
    config = rendered.applications["gateway"]["deployments"][0]["user_config"]
    assert set(Table.model_validate(config).models) == set(rendered.applications) - {"gateway"}


@pytest.mark.parametrize(
    ("share", "gpus", "memory"),
    [
        ({}, 1, 8 * GiB),
        ({"gpu": 0.25}, 0.25, 2 * GiB),
        ({"gpu": 0.29}, 0.29, int(0.29 * 8 * GiB)),
        ({"memory": "2Gi"}, 0.25, 2 * GiB),
        ({"memory": "2Gi", "gpu": 0.5}, 0.5, 2 * GiB),
        ({"memory": "4Gi", "gpu": 0.25}, 0.5, 4 * GiB),
        ({"gpu": 0.333333333}, 0.3333, int(0.333333333 * 8 * GiB)),
        ({"memory": "1"}, 0.0001, 1),
        ({"gpus": 1}, 1, 8 * GiB),
    ],
)
def test_the_share_is_the_greater_of_gpu_and_memory(share: dict[str, Any], gpus: float, memory: int) -> None:
    values = fleet(models__ears__gpu=None)
    values["models"]["ears"] |= share
    placement = render(values).placement("ears")
    assert (placement["numGpus"], placement["memory"]) == (gpus, memory)


def test_the_reserve_is_no_part_of_a_share() -> None:
    placement = render(fleet(accelerators__small__reserve="4Gi")).placement("ears")
    assert (placement["numGpus"], placement["memory"], placement["deviceMemory"]) == (0.5, 2 * GiB, 8 * GiB)


def test_whole_gpus_take_all_memory_of_each() -> None:
    chat = {"gpus": 4, "tensorParallel": 2, "pipelineParallel": 2}
    values = fleet(accelerators__big__count=4)
    values["models"]["chat"] |= chat
    placement = render(values).placement("chat")
    expected = {"numGpus": 4, "tensorParallel": 2, "pipelineParallel": 2, "memory": 95 * GiB}
    assert expected.items() <= placement.items()


def test_a_cpu_gives_memory_and_no_gpu() -> None:
    cpu = {"vendor": "cpu", "memory": "8Gi", "order": 2}
    rendered = render(fleet(accelerators__small=cpu, models__ears__gpu=None, models__ears__memory="1Gi"))
    assert {"numGpus": 0, "memory": GiB, "vendor": "cpu"}.items() <= rendered.placement("ears").items()
    assert rendered.groups["small"]["rayStartParams"]["num-gpus"] == "0"


@pytest.mark.parametrize("quantity", ["1", "1024", "5k", "3M", "2G", "1T", "7Ki", "3500Mi", "1.5Gi", "0.1Gi"])
def test_a_quantity_has_the_same_bytes_in_the_chart_as_in_the_package(quantity: str) -> None:
    values = fleet(accelerators__big__memory="2Ti", models__chat__memory=quantity)
    assert render(values).placement("chat")["memory"] == in_bytes(quantity)


def test_every_task_of_the_schema_has_a_module() -> None:
    assert set(schema.task_names(tasks)) == set(schema.schema()["$defs"]["Model"]["properties"]["task"]["enum"])
