"""A job of the values becomes a RayJob with the same pods as the service's, and the service does not notice."""

import copy
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from serve.chart_values import CHART
from serve.cli import helm
from serve.errors import ConfigurationError
from serve.job import JobArgs
from tests.helm import Rendered, fleet, render

JOB = {
    "task": "embeddings", "engine": "fake", "accelerator": "small",
    "source": {"hub": "org/it's", "revision": "a: b #c"},
    "input": "s3://bucket/texts/*.jsonl", "output": "s3://bucket/vectors",
}  # fmt: skip


def with_job(**changes: Any) -> dict[str, Any]:
    """The fleet and a job `corpus`; a change of another entry is named by its whole path."""
    own = {key: value for key, value in changes.items() if "__" not in key}
    others = {key: value for key, value in changes.items() if "__" in key}
    return fleet(jobs={"corpus": copy.deepcopy(JOB) | own}, **others)


def job_of(rendered: Rendered) -> dict[str, Any]:
    (job,) = rendered.of("RayJob").values()
    return job


def arguments(job: dict[str, Any]) -> JobArgs:
    """As the shell hands them over that Ray starts."""
    command, verb, text = shlex.split(job["spec"]["entrypoint"])
    assert (command, verb) == ("ai-inference", "batch")
    return JobArgs.model_validate(json.loads(text))


def test_the_entrypoint_gets_the_entry_and_a_whole_gpu_for_each_copy() -> None:
    values = with_job(workers=2, accelerators__small__count=2, accelerators__small__cpus=6, models__ears__gpu=1)
    args = arguments(job_of(render(values)))
    assert args.copies == 4
    assert args.source.hub == JOB["source"]["hub"]  # type: ignore[index]
    assert args.source.revision == "a: b #c"
    place = args.placement
    assert (place.accelerator, place.vendor, place.num_gpus, place.cpus) == ("small", "cuda", 1, 3)
    assert place.memory == 8 * 2**30


def test_a_cpu_job_takes_no_gpu() -> None:
    cpu = {"vendor": "cpu", "memory": "8Gi", "order": 3, "cpus": 0.5}
    place = arguments(job_of(render(with_job(accelerator="laptop", accelerators__laptop=cpu)))).placement
    assert (place.num_gpus, place.cpus) == (0, 0.5)


def test_its_pods_are_the_services_but_for_their_number_and_label_and_the_keys_of_clients() -> None:
    rendered = render({**with_job(workers=3), "auth": {"enabled": False}})
    cluster = job_of(rendered)["spec"]["rayClusterSpec"]
    service = rendered.service["spec"]["rayClusterConfig"]
    (group,) = cluster.pop("workerGroupSpecs")
    of_service = next(one for one in service.pop("workerGroupSpecs") if one["groupName"] == "small")
    assert [group.pop(key) for key in ("replicas", "minReplicas", "maxReplicas")] == [3, 3, 3]
    of_service = {key: value for key, value in of_service.items() if key in group}
    for entry in (of_service, service["headGroupSpec"]):
        env = entry["template"]["spec"]["containers"][0]["env"]
        env.remove({"name": "AI_INFERENCE_KEYS", "value": "open"})
    for template in (group["template"], cluster["headGroupSpec"]["template"]):
        assert template["metadata"]["labels"].pop("ai-inference/job") == "corpus"
    assert group == of_service
    assert cluster == service


def test_a_job_changes_nothing_of_the_service(small: Rendered) -> None:
    with_one = render(with_job())
    assert with_one.service == small.service
    added = [one for one in with_one.documents if one not in small.documents]
    assert [one["kind"] for one in added] == ["NetworkPolicy", "RayJob"]


def test_a_job_never_autoscales_as_kueue_takes_none_that_does() -> None:
    job = job_of(render(with_job(accelerators__small__nodes={"min": 0, "max": 2})))
    cluster = job["spec"]["rayClusterSpec"]
    assert "enableInTreeAutoscaling" not in cluster
    assert cluster["headGroupSpec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert len(cluster["workerGroupSpecs"]) == 1
    assert job["spec"]["shutdownAfterJobFinishes"] is True


LABELS = {
    "kueue": {"kueue.x-k8s.io/queue-name": "batch"},
    "volcano": {"volcano.sh/queue-name": "batch"},
    "yunikorn": {"yunikorn.apache.org/queue": "batch", "ray.io/gang-scheduling-enabled": "true"},
}


@pytest.mark.parametrize("scheduler", LABELS)
def test_each_scheduler_knows_its_queue_by_its_own_labels(scheduler: str) -> None:
    job = job_of(render(with_job(queue="batch", scheduler=scheduler)))
    labels = job["metadata"]["labels"]
    assert LABELS[scheduler].items() <= labels.items()
    others = {label for name, of in LABELS.items() if name != scheduler for label in of}
    assert not others & labels.keys()
    if scheduler == "yunikorn":
        assert labels["yunikorn.apache.org/app-id"] == job["metadata"]["name"]


def test_without_a_queue_no_scheduler_is_named() -> None:
    labels = job_of(render(with_job(scheduler="volcano")))["metadata"]["labels"]
    assert not {label for of in LABELS.values() for label in of} & labels.keys()


def test_whether_it_is_suspended_is_said_only_where_kueue_does_not_decide() -> None:
    assert "suspend" not in job_of(render(with_job(queue="batch")))["spec"]
    assert "suspend" not in job_of(render(with_job()))["spec"]
    assert job_of(render(with_job(suspend=True)))["spec"]["suspend"] is True


def test_the_bounds_of_a_run_are_the_entrys() -> None:
    spec = job_of(render(with_job(retries=0, deadline=60, ttl=0)))["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 60, 0)


def test_a_changed_entry_is_another_rayjob_and_nothing_else_is() -> None:
    name = next(iter(render(with_job()).of("RayJob")))
    assert name.startswith("ai-inference-corpus-")
    unchanged = [with_job(enabled=True), with_job(image__tag="2"), with_job(models__ears__gpu=0.25)]
    unchanged += [with_job(accelerators__small__cpus=2), with_job(suspend=True)]
    assert {next(iter(render(values).of("RayJob"))) for values in unchanged} == {name}
    changed = [with_job(workers=2), with_job(column="body"), with_job(queue="batch")]
    assert name not in {next(iter(render(values).of("RayJob"))) for values in changed}


def test_a_disabled_job_is_left_out() -> None:
    assert not render(with_job(enabled=False)).of("RayJob")


def test_a_name_of_47_characters_is_taken() -> None:
    assert render(with_job(), release="r" * (47 - len("-corpus-12345"))).of("RayJob")


def test_kuberays_longest_name_is_kept() -> None:
    release = "r" * 35
    with pytest.raises(ConfigurationError) as refused:
        render(with_job(), release=release)
    name = f"{release}-corpus-"
    assert refused.value.message.startswith(f"jobs.corpus: its RayJob {name}")
    assert refused.value.message.endswith(
        "has 48 characters, KubeRay takes 47; shorten the name of the job or of the release"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "llm"}, "task"),
        ({"engine": "kokoro"}, "engine"),
        ({"engineConfig": {"dely": 1}}, "dely"),
        ({"outputs": "s3://a"}, "outputs"),
        ({"workers": 0}, "workers"),
    ],
)
def test_the_schema_refuses_what_no_job_has(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        render(with_job(**changes))


def test_notes_list_jobs_with_the_command_that_follows_one(tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(with_job(queue="batch")))
    command = ["install", "ai-inference", str(CHART), "-n", "ai-ml", "--dry-run=client", f"--values={file}"]
    done = subprocess.run([str(helm.find()), *command], capture_output=True, text=True, check=True)
    name = next(iter(render(with_job(queue="batch")).of("RayJob")))
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["corpus", "embeddings", "small", "kueue/batch", name] in lines
    assert any(f"job-driver-{name}.log" in line for line in done.stdout.splitlines())
