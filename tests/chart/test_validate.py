"""Values that cannot work are refused before anything is applied, in words that name the entry and the way out."""

import hashlib
import json
import re
from typing import Any

import pytest

from serve.chart_values import CHART
from serve.errors import ConfigurationError
from serve.table import TASKS
from tests.chart import test_claims
from tests.helm import fleet, render

MESSAGE = re.compile(r'^\{\{ printf "(.+)\\n"', re.MULTILINE)
LONG = "a" * 53
WANTS = "KubeRay wants at most 47 characters of a-z, 0-9 and -, a letter first"

OVERCOMMITTED = """\
accelerators.small is overcommitted; lower gpu, memory, cpus or replicas, or move a model:
  model                replicas    share     memory   cpus
  ears                        1      0.5     4096Mi      1
  mouth                       2      0.3     2457Mi    0.5
  all                                1.1     9011Mi      2
  there is                             1     8192Mi      4"""
MOUTH = {"task": "tts", "engine": "fake", "source": {"path": "/m"}, "accelerator": "small", "gpu": 0.3}
CPU = {"vendor": "cpu", "memory": "8Gi", "order": 2}
RAM = {"models__ears__gpu": None, "models__ears__memory": "6Gi"}
FIFTHS = {"models__ears__gpu": 0.4, "models__ears__replicas": 5, "accelerators__small__cpus": 8}
JOB = {
    "task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small",
    "input": "s3://in", "output": "s3://out",
}  # fmt: skip
HASH = hashlib.sha256(json.dumps(JOB, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:5]


def job(**changes: Any) -> dict[str, Any]:
    return {"jobs__corpus": {**JOB, **changes}}


CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"route__enabled": True},
        "route.parentRefs: names no Gateway, so that nothing leads to the route; write [{name: ..., namespace: ...}]",
    ),
    (
        {"ingress__enabled": True, "network__clients": []},
        "ingress: network.clients admits nobody to port 8000, and so not what comes by it; name its pods or addresses "
        "there",
    ),
    (
        {"models__ears__task": "tts", "models__ears__maxAudio": 600},
        "models.ears.maxAudio: 600 is for task stt; leave it out",
    ),
    (
        {"models__ears__task": "tts", "models__ears__limits": {"maxAudio": 600}},
        "models.ears.limits.maxAudio: 600 is for task stt; leave it out",
    ),
    ({"models__ears__routing": "prefix"}, "models.ears.routing: prefix is for task llm; leave it out"),
    (
        {
            "models__ears__task": "llm",
            "models__ears__routing": "session",
            "models__ears__adapters": {"source": {"path": "/adapters"}},
        },
        "models.ears.routing: session does not go with adapters, whose requests go to the replica that holds them; "
        "leave one of the two out",
    ),
    (
        {"upgrade__strategy": "incremental"},
        "upgrade.strategy: incremental would name the Service after each new cluster, so that ai-inference-serve-svc "
        "and the aliases lead nowhere; write recreate or newCluster",
    ),
    ({"upgrade__strategy": "rolling"}, 'upgrade.strategy: there is no "rolling"; write recreate or newCluster'),
    (
        {"aliases__type": "Service", "aliases__namespace": "other"},
        "aliases.namespace: a Service in other cannot select the pods in ai-ml; leave it empty, or write type: "
        "ExternalName",
    ),
    (
        {f"models__{LONG}": {**MOUTH, "gpu": 0.1}, "aliases__prefix": "b-"},
        f"models.{LONG}: its alias b-{LONG}-predictor has 65 characters, a Service may have 63; shorten the name or "
        "aliases.prefix",
    ),
    (
        {"accelerators__head": {"vendor": "cpu", "memory": "1Gi", "order": 3}},
        "accelerators.head: Ray's head has this name; choose another",
    ),
    (
        {"accelerators__small__order": 1},
        "accelerators.small.order: accelerators.big has 1 too; each needs its own, a new accelerator the highest",
    ),
    (
        {"accelerators__small__vendor": "cpu"},
        "accelerators.small: vendor cpu has no device; remove nvidia.com/gpu, or write the GPU's vendor",
    ),
    (
        {"accelerators__small__resource": None},
        "accelerators.small: vendor cuda needs resource, such as nvidia.com/gpu, amd.com/gpu or gpu.intel.com/xe, or "
        "claim",
    ),
    ({"accelerators__small__reserve": "8Gi"}, "accelerators.small.reserve: 8Gi leaves nothing of memory 8Gi"),
    (
        {"accelerators__small": {"vendor": "cpu", "memory": "32Gi", "order": 2}},
        "accelerators.small.memory: 32Gi is more than the pod's ram 16Gi",
    ),
    ({"accelerators__small__nodes": {"min": 3, "max": 2}}, "accelerators.small.nodes: min 3 is above max 2"),
    (
        {"accelerators__small__cache": {"hostPath": "/a", "existingClaim": "b"}},
        "accelerators.small.cache: existingClaim and hostPath are set; write one of hostPath, claim, existingClaim",
    ),
    (
        {"accelerators__small__cache": {"prefetch": True}},
        "accelerators.small.cache.prefetch: what is fetched would go with its pod; write hostPath, claim or "
        "existingClaim too, or remove it",
    ),
    (
        {"accelerators__small__cache": {"claim": {"accessModes": ["ReadWriteOnce"]}, "prefetch": True}},
        "accelerators.small.cache.prefetch: the claim would be bound where its pod is; write ReadWriteMany among "
        "cache.claim.accessModes, or remove it",
    ),
    (
        {"accelerators__small__cache": {"hostPath": "/a", "prefetch": True}},
        "accelerators.small.cache.prefetch: its pod could go to any node; write the nodeSelector of those with this "
        "accelerator, or remove it",
    ),
    (
        {
            "accelerators__small__cache": {"hostPath": "/a", "prefetch": True},
            "accelerators__small__nodeSelector": {"a": "b"},
            "accelerators__small__nodes": {"max": 2},
        },
        "accelerators.small.cache.prefetch: none of its nodes is always there; write nodes.min, or a cache that all "
        "nodes share, or remove it",
    ),
    (
        {"accelerators__small__nodes": 2, "accelerators__small__cache": {"claim": {"accessModes": ["ReadWriteOnce"]}}},
        "accelerators.small.cache.claim: up to 2 nodes share it, so its accessModes must have ReadWriteMany",
    ),
    (
        {"accelerators__big__limit": "mps"},
        "accelerators.big.limit: mps is of NVIDIA's GPUs, and vendor is rocm; remove it",
    ),
    (
        {
            "accelerators__small__limit": "hami",
            "accelerators__small__resource": None,
            "accelerators__small__claim": {"deviceClass": "gpu.nvidia.com"},
        },
        "accelerators.small.limit: hami needs resource; who hands out claimed devices limits them too: remove it, or "
        "write claim.sharing",
    ),
    (
        {"models__gateway": {**MOUTH, "gpu": 0.1}},
        "models.gateway: /gateway is the gateway's own path; choose another name",
    ),
    (
        {"models__ears__names": ["chat"]},
        "models.ears.names: chat is a name of models.chat already; a name leads to one model",
    ),
    (
        {"models__ears__names": ["org/a"], "models__chat__names": ["org/a"]},
        "models.ears.names: org/a is a name of models.chat already; a name leads to one model",
    ),
    ({"models__ears__accelerator": "smal"}, 'models.ears.accelerator: there is no "smal"; accelerators: big, small'),
    (
        {"models__ears__source": {"hub": "a/b", "path": "/a"}},
        "models.ears.source: write exactly one of hub, path, s3, gs; found hub, path",
    ),
    (
        {"models__ears__source": {"revision": "a"}},
        "models.ears.source: write exactly one of hub, path, s3, gs; found none",
    ),
    ({"models__ears__replicas": {"min": 2, "max": 1}}, "models.ears.replicas: min 2 is above max 1"),
    (
        {"models__ears__gpus": 1},
        "models.ears: gpu 0.5 and gpus 1 are both set; write gpu for a share of one, gpus for whole ones",
    ),
    (
        {"accelerators__small": {"vendor": "cpu", "memory": "8Gi", "order": 2}},
        "models.ears: accelerator small is of vendor cpu and has no GPU to share; write memory instead of gpu or gpus",
    ),
    (
        {"models__chat__gpus": 2, "models__chat__tensorParallel": 4},
        "models.chat.gpus: tensorParallel 4 x pipelineParallel 1 wants gpus: 4, found 2",
    ),
    (
        {"models__chat__tensorParallel": 2},
        "models.chat.gpus: tensorParallel 2 x pipelineParallel 1 wants gpus: 2, found 1",
    ),
    (
        {"models__chat__gpus": 2, "models__chat__tensorParallel": 2},
        "models.chat.gpus: 2 is more than the count 1 of accelerator big; a replica is on one node, unless it "
        "has span: true",
    ),
    (
        {"models__ears__memory": "7681Mi", "accelerators__small__reserve": "512Mi"},
        "models.ears.memory: 7681Mi is more than the memory 8Gi - reserve 512Mi of accelerator small",
    ),
    ({"models__ears__cpus": 4.5}, "models.ears.cpus: 4.5 is more than the cpus 4 of accelerator small"),
    (
        {"accelerators__small__count": 2, "models__mouth": MOUTH},
        "accelerators.small: its 2 cards take only equal shares, found 0.5, 0.3; declare one accelerator for each "
        "share",
    ),
    ({"models__mouth": {**MOUTH, "cpus": 0.5, "replicas": 2}}, OVERCOMMITTED),
    (
        {"models__chat__gpus": 2, "models__chat__tensorParallel": 2, "models__chat__span": True},
        "models.chat.gpus: 2 is more than accelerator big has on all of its nodes",
    ),
    (
        {"accelerators__small__nodes": 2, "models__mouth": {**MOUTH, "gpu": 0.5, "cpus": 3, "replicas": 2}},
        "accelerators.small: of its nodes, 2, each has 4 cores, too few for 3 replicas of up to 3 cpus; lower cpus or "
        "replicas",
    ),
    (
        {"accelerators__small": {**CPU, "nodes": 2}, **RAM, "models__ears__replicas": 2},
        "models.ears.cpus: Ray chooses among the nodes of small by cores alone, so it must take the part of them that "
        "it takes of memory; write cpus: 3",
    ),
    (
        {"accelerators__small__count": 2, "accelerators__small__nodes": 2, **FIFTHS},
        "accelerators.small: shares of 0.4 leave 0.4 on the cards of a node, where Ray waits for a place that no card "
        "has; write gpu: 0.5",
    ),
    (
        {"accelerators__small__count": 2, **RAM, "models__ears__memory": "2863311531", "models__ears__replicas": 4},
        "models.ears.memory: 2863311531 bytes are more than a card has for each of the 3 that Ray puts there by share "
        "0.3333; write memory: 2730Mi",
    ),
    (
        {f"jobs__{LONG[:30]}": JOB},
        f"jobs.{LONG[:30]}: its RayJob ai-inference-{LONG[:30]}-{HASH} has 49 characters, KubeRay takes 47; shorten "
        "the name of the job or of the release",
    ),
    (job(accelerator="smal"), 'jobs.corpus.accelerator: there is no "smal"; accelerators: big, small'),
    (job(source={}), "jobs.corpus.source: write exactly one of hub, path, s3, gs; found none"),
    (
        job(suspend=True, queue="batch"),
        "jobs.corpus.suspend: Kueue suspends what is in queue batch and lets it go; remove suspend, and set stopPolicy "
        "of the queue",
    ),
    (
        job(input="/data/texts", accelerator="big"),
        "jobs.corpus.input: /data/texts is not in the pods; write a path below /models, where they have their cache, "
        "or a URL such as s3://",
    ),
    (
        job(output="/models/out"),
        "jobs.corpus.output: /models/out goes with the pod, as accelerator small has no cache; give it one, or write a "
        "URL such as s3://",
    ),
    (
        job() | {"accelerators__small__cache": {"claim": {"accessModes": ["ReadWriteOnce"]}}},
        "jobs.corpus.accelerator: pods of the job and of the service share the cache of small, so its claim's "
        "accessModes must have ReadWriteMany",
    ),
    (
        job()
        | {
            "accelerators__small__resource": None,
            "accelerators__small__claim": {"deviceClass": "gpu.nvidia.com", "shared": "card"},
        },
        "jobs.corpus.accelerator: small is one device that models share; declare an accelerator for jobs, with a claim "
        "of its own",
    ),
]


@pytest.mark.parametrize(("changes", "message"), CASES, ids=[message.partition(":")[0] for _, message in CASES])
def test_values_that_cannot_work_are_refused_in_words(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(fleet(**changes))
    assert refused.value.message == message


@pytest.mark.parametrize("release", ["a" * 48, "1st", "a.b"])
def test_a_release_whose_name_kuberay_refuses_is_refused(release: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(fleet(), release=release)
    assert refused.value.message == f'release "{release}": {WANTS}'


def test_every_message_of_the_templates_is_tested() -> None:
    asserted = [message for _, message in [*CASES, *test_claims.REFUSALS]] + [f'release "a": {WANTS}']
    untested = [format for format in _messages() if not any(re.match(_pattern(format), one) for one in asserted)]
    assert not untested


def test_only_the_validation_fails() -> None:
    failing = [path.name for path in CHART.rglob("*.*") if re.search(r"\bfail \(|\brequired ", path.read_text())]
    assert failing == ["_validate.tpl"]


def _messages() -> list[str]:
    return [found for path in sorted(CHART.glob("templates/_validate*")) for found in MESSAGE.findall(path.read_text())]


def _pattern(format: str) -> str:
    """The first line of a printf format as a regular expression."""
    return re.sub(r"%[sdvq]", ".+", re.escape(format.partition("\\n")[0]))


def test_problems_of_one_stage_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(fleet(models__ears__accelerator="a", models__chat__accelerator="b"))
    assert [line.partition(":")[0] for line in refused.value.message.splitlines()] == [
        "models.chat.accelerator",
        "models.ears.accelerator",
    ]


@pytest.mark.parametrize("name", sorted({path.split("/")[1] for path in TASKS} | {"health", "openai", "page"}))
def test_a_model_cannot_take_a_path_of_the_gateway(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"/{name} is the gateway's own path"):
        render(fleet(**{f"models__{name}": {**MOUTH, "gpu": 0.1}}))


def test_models_that_are_disabled_take_nothing() -> None:
    render(fleet(models__mouth={**MOUTH, "gpu": 1, "enabled": False, "names": ["chat"]}))
