"""A model as Serve deploys it: a task's class and its arguments go in, an application of one deployment comes out."""

from typing import Any

from ray import serve as ray_serve
from ray.serve import Application

from serve.values import ModelArgs

NAME = "Model"  # In each application, so that the chart can say how many replicas it has.
HEADROOM = 16  # Serve's own bound lies above the front's, whose refusals have OpenAI's shape and spare /health.
PIN = 0.001  # Of the accelerator's custom resource: enough to pin, too little to run out.


def deployed(replica: type[Any], args: ModelArgs) -> Application:
    """With the placement and the bounds that the entry asks for; how many there are the chart says."""
    return (
        ray_serve.deployment(ray_serve.ingress()(replica))
        .options(
            name=NAME,
            ray_actor_options=resources(args),
            max_ongoing_requests=args.max_ongoing_requests + args.max_queued_requests + HEADROOM,
            logging_config={"enable_access_log": False},  # Each request is in our own, with more.
        )
        .bind(args)
    )


def resources(args: ModelArgs) -> dict[str, Any]:
    """Of the replica's own process; GPUs that may be on other nodes are its engine's workers' (_bundles.tpl)."""
    place = args.placement
    gpus = 0 if place.spans else place.num_gpus
    return {"num_cpus": place.cpus, "num_gpus": gpus, "resources": {place.accelerator: PIN}}
