"""The head or a worker group of a rendered RayService: its spec goes in, what `ray start` needs to know comes out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Group:
    """The head or a worker group: Ray's resources and the environment of its pods."""

    name: str
    vendor: str
    num_cpus: int
    num_gpus: int
    resources: Mapping[str, float]
    env: Mapping[str, str] = field(default_factory=dict)
    shared: str = ""
    """The claim of the device that it shares with other groups."""

    @classmethod
    def of(cls, spec: Mapping[str, Any], name: str) -> Self:
        """A `headGroupSpec` or an entry of `workerGroupSpecs`."""
        params = spec["rayStartParams"]
        container = spec["template"]["spec"]["containers"][0]
        env = {entry["name"]: entry["value"] for entry in container.get("env", ()) if "value" in entry}
        env.pop("HF_TOKEN_PATH", None)  # A file that only pods have: here the user's own is read.
        claims = spec["template"]["spec"].get("resourceClaims", ())
        return cls(
            name=name,
            vendor=env.get("AI_INFERENCE_VENDOR", "cpu"),
            num_cpus=int(params["num-cpus"]),
            num_gpus=int(params.get("num-gpus", 0)),
            resources=json.loads(json.loads(params["resources"])),  # Quoted twice: the operator hands it to a shell.
            env=env,
            shared=next((claim["resourceClaimName"] for claim in claims if "resourceClaimName" in claim), ""),
        )
