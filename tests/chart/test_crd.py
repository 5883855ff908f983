"""The RayService and RayJobs against KubeRay's own definitions, with unknown fields refused.

KUBERAY_CRDS is a folder with ray.io_rayservices.yaml and ray.io_rayjobs.yaml, as helm-chart/kuberay-operator/crds of
github.com/ray-project/kuberay has them.
"""

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.helm import VALUES, fleet, render

CRDS = os.environ.get("KUBERAY_CRDS")
pytestmark = pytest.mark.skipif(not CRDS, reason="KUBERAY_CRDS names no folder with KubeRay's definitions")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DRA = {
    "resource": None,
    "claim": {"deviceClass": "gpu.nvidia.com"},
    "nodes": {"max": 2},
    "cache": {"existingClaim": "models"},
    "groups": [44],
}


@pytest.fixture(scope="module")
def validator() -> Any:
    return _validator("rayservices")


def _validator(kind: str) -> Any:
    definition = yaml.load((Path(str(CRDS)) / f"ray.io_{kind}.yaml").read_text(), LOADER)  # noqa: S506
    (version,) = (one for one in definition["spec"]["versions"] if one["name"] == "v1")
    return jsonschema.Draft202012Validator(_closed(version["schema"]["openAPIV3Schema"]))


def _closed(node: Any) -> Any:
    """OpenAPI's dialect as JSON schema, where an object takes no key that it does not name."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    closed = {key: _closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and not node.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@pytest.mark.parametrize("environment", sorted(path.stem for path in VALUES.glob("*.yaml")))
def test_kuberay_knows_every_field(validator: Any, environment: str) -> None:
    validator.validate(_with_loose_metadata(render(environment).service))


def test_kuberay_knows_the_fields_of_the_rarer_values(validator: Any) -> None:
    values = fleet(**{f"accelerators__small__{key}": value for key, value in DRA.items()})
    extras = {"huggingFace": {"existingSecret": "hub"}}
    validator.validate(_with_loose_metadata(render(values, extras).service))


def test_kuberay_knows_the_fields_of_a_job() -> None:
    entry = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
             "output": "s3://out", "queue": "batch", "deadline": 60}  # fmt: skip
    other = {**entry, "suspend": True, "scheduler": "volcano"}
    validator = _validator("rayjobs")
    for job in render(fleet(jobs={"one": entry, "two": other})).of("RayJob").values():
        validator.validate(_with_loose_metadata(job))


def test_a_field_that_kuberay_does_not_know_would_be_seen(validator: Any) -> None:
    service = _with_loose_metadata(render(fleet()).service)
    service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["nodeSelecter"] = {}
    with pytest.raises(jsonschema.ValidationError, match="nodeSelecter"):
        validator.validate(service)


def _with_loose_metadata(service: dict[str, Any]) -> dict[str, Any]:
    """The definition says of an object's metadata only that it is one."""
    return {**service, "metadata": {}}
