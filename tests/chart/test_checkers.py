"""What checkers of others find in all that the chart renders, Ray's pods among it: what docs/security.md justifies.

- CHECKOV is checkov's program, as `pipx install checkov==3.3.30` makes it.
- KUBECONFORM is that of github.com/yannh/kubeconform, and KUBECONFORM_SCHEMAS the place of schemas: Kubernetes 1.34.4,
  KubeRay and what test_crd.py names; such as '/schemas/{{.ResourceKind}}{{.KindSuffix}}.json'.
"""

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from serve.cli import helm
from tests.chart.test_closed_pods import JOB, SECRETS, pods
from tests.helm import FETCHED, VALUES, Rendered, fleet, render
from tests.prometheus import ALL

CHECKOV, KUBECONFORM, SCHEMAS = (os.environ.get(name) for name in ("CHECKOV", "KUBECONFORM", "KUBECONFORM_SCHEMAS"))
KUBERNETES = "1.34.4"
ON = {"enabled": True}
EVERYTHING: dict[str, Any] = {
    **SECRETS,
    **FETCHED,
    "dashboard": {},  # A hook makes the Secret.
    "jobs": {"one": JOB},
    "image__digests": dict.fromkeys(("cpu", "cuda", "rocm"), f"sha256:{'0' * 64}"),
    "ingress": {**ON, "hosts": ["ai.example.com"], "tlsSecret": "certificate"},
    "monitoring": ALL,
    "route": {**ON, "parentRefs": [{"name": "gateway"}], "hostnames": ["ai.example.com"]},
}
HOOKS = {"ai-inference-recreate", "ai-inference-token"}
ON_GPUS = {"big", "small", "ai-inference-one-3fb59-small"}
PODS = {"head", "ai-inference-one-3fb59-head", "ai-inference-test", *ON_GPUS, *HOOKS}
FETCHING = {"ai-inference-prefetch-small-57897"}
JUSTIFIED = {
    "CKV_K8S_8": PODS,  # Liveness.
    "CKV_K8S_9": PODS,  # Readiness.
    "CKV_K8S_11": PODS | FETCHING,  # Limits of processors.
    "CKV_K8S_22": ON_GPUS | FETCHING,  # A read-only file system.
    "CKV_K8S_38": HOOKS,  # Tokens of the service account.
    "CKV_K8S_40": PODS | FETCHING,  # A high user id.
}
"""By check the pods that docs/security.md says why of."""


def objects(rendered: Rendered, namespace: str) -> Iterator[dict[str, Any]]:
    """All of them, and the pods of Ray's clusters, which checkers do not look for there."""
    spare = {one["metadata"]["name"] for one in rendered.documents}
    for one in rendered.documents:
        yield {**one, "metadata": {"namespace": namespace, **one["metadata"]}}
    for name, spec in pods(rendered).items():
        if name not in spare:
            metadata = {"name": name.replace("/", "-"), "namespace": namespace}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("checked") / "all.yaml"
    file.write_text(yaml.safe_dump_all(objects(render(fleet(**EVERYTHING), namespace="ai-ml"), "ai-ml")))
    return file


@pytest.mark.skipif(not CHECKOV, reason="CHECKOV names no program")
def test_checkov_finds_what_is_justified_and_no_more(file: Path) -> None:
    command = [str(CHECKOV), "--file", str(file), "--framework", "kubernetes", "--output", "json", "--skip-download"]
    found = json.loads(subprocess.run(command, check=False, capture_output=True, text=True, timeout=300).stdout)
    against: dict[str, set[str]] = defaultdict(set)
    for one in found["results"]["failed_checks"]:
        against[one["check_id"]].add(one["resource"].rpartition(".")[2])
    assert found["summary"]["passed"] > 750
    assert against == JUSTIFIED


@pytest.mark.skipif(not (KUBECONFORM and SCHEMAS), reason="KUBECONFORM and its schemas are not named")
def test_kubeconform_knows_every_field_and_finds_none_twice(file: Path) -> None:
    """In what helm writes, since reading it would hide a key that is there twice."""
    rendered = [file.read_text()]
    for values in sorted(VALUES.glob("*.yaml")):
        command = [str(helm.find()), "template", "ai-inference", str(CHART), f"--values={values}"]
        rendered.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    schemas = ["-schema-location", str(SCHEMAS)]
    command = [str(KUBECONFORM), "-strict", "-output=json", "-summary", f"-kubernetes-version={KUBERNETES}", *schemas]
    done = subprocess.run(command, check=False, capture_output=True, text=True, input="\n---\n".join(rendered))
    found = json.loads(done.stdout)
    assert found.get("resources", []) == []
    assert found["summary"] == {"valid": found["summary"]["valid"], "invalid": 0, "errors": 0, "skipped": 0}
    assert found["summary"]["valid"] > 80
