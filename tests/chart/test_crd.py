"""What is no object of Kubernetes' own against its definition, with unknown fields refused.

- KUBERAY_CRDS is a folder with ray.io_rayservices.yaml and ray.io_rayjobs.yaml, as helm-chart/kuberay-operator/crds of
  github.com/ray-project/kuberay has them;
- OTHER_CRDS one with monitoring.coreos.com_{podmonitors,prometheusrules}.yaml of example/prometheus-operator-crd of
  github.com/prometheus-operator/prometheus-operator, and gateway.networking.k8s.io_httproutes.yaml of
  config/crd/standard of github.com/kubernetes-sigs/gateway-api.
"""

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.helm import VALUES, fleet, render

CRDS, OTHERS = os.environ.get("KUBERAY_CRDS"), os.environ.get("OTHER_CRDS")
kuberay = pytest.mark.skipif(not CRDS, reason="KUBERAY_CRDS names no folder with KubeRay's definitions")
others = pytest.mark.skipif(not OTHERS, reason="OTHER_CRDS names no folder with definitions of routes and monitoring")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DRA = {
    "resource": None,
    "claim": {"deviceClass": "gpu.nvidia.com"},
    "nodes": {"max": 2},
    "cache": {"existingClaim": "models"},
    "groups": [44],
}
ON = {
    "monitoring": {"podMonitor": {"enabled": True}, "rules": {"enabled": True}},
    "route": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["a.example.com"], "timeout": "0s"},
}


@pytest.fixture(scope="module")
def validator() -> Any:
    return _validator(Path(str(CRDS)) / "ray.io_rayservices.yaml")


def _validator(file: Path) -> Any:
    definition = yaml.load(file.read_text(), LOADER)  # noqa: S506
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


@kuberay
@pytest.mark.parametrize("environment", sorted(path.stem for path in VALUES.glob("*.yaml")))
def test_kuberay_knows_every_field(validator: Any, environment: str) -> None:
    validator.validate(_with_loose_metadata(render(environment).service))


@kuberay
def test_kuberay_knows_the_fields_of_the_rarer_values(validator: Any) -> None:
    values = fleet(**{f"accelerators__small__{key}": value for key, value in DRA.items()})
    extras = {"huggingFace": {"existingSecret": "hub"}}
    validator.validate(_with_loose_metadata(render(values, extras).service))


@kuberay
def test_kuberay_knows_the_fields_of_a_job() -> None:
    entry = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
             "output": "s3://out", "queue": "batch", "deadline": 60}  # fmt: skip
    other = {**entry, "suspend": True, "scheduler": "volcano"}
    validator = _validator(Path(str(CRDS)) / "ray.io_rayjobs.yaml")
    for job in render(fleet(jobs={"one": entry, "two": other})).of("RayJob").values():
        validator.validate(_with_loose_metadata(job))


@kuberay
def test_a_field_that_kuberay_does_not_know_would_be_seen(validator: Any) -> None:
    service = _with_loose_metadata(render(fleet()).service)
    service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["nodeSelecter"] = {}
    with pytest.raises(jsonschema.ValidationError, match="nodeSelecter"):
        validator.validate(service)


@others
@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("PodMonitor", "monitoring.coreos.com_podmonitors"),
        ("PrometheusRule", "monitoring.coreos.com_prometheusrules"),
        ("HTTPRoute", "gateway.networking.k8s.io_httproutes"),
    ],
)
def test_routes_and_monitoring_have_no_field_that_their_definitions_do_not_know(kind: str, definition: str) -> None:
    rendered = render(fleet(**ON))
    (found,) = rendered.of(kind).values()
    validator = _validator(Path(str(OTHERS)) / f"{definition}.yaml")
    validator.validate(_with_loose_metadata(found))
    with pytest.raises(jsonschema.ValidationError, match="nobodysField"):
        validator.validate({**_with_loose_metadata(found), "spec": {**found["spec"], "nobodysField": 1}})


def _with_loose_metadata(service: dict[str, Any]) -> dict[str, Any]:
    """The definition says of an object's metadata only that it is one."""
    return {**service, "metadata": {}}
