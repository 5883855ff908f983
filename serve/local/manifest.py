"""The rendered chart as this machine runs it: documents go in, groups of Ray nodes and applications come out."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import yaml

from serve.errors import ConfigurationError
from serve.ledger import Ledger
from serve.local.group import Group
from serve.table import Table
from serve.validation import validated
from serve.values import ModelArgs


@dataclass(frozen=True)
class Manifest:
    """A RayService taken apart."""

    head: Group
    workers: tuple[Group, ...]
    config: dict[str, Any]

    @classmethod
    def of(cls, documents: Sequence[Mapping[str, Any]]) -> Self:
        service = next(document for document in documents if document["kind"] == "RayService")
        cluster = service["spec"]["rayClusterConfig"]
        workers = [Group.of(group, group["groupName"]) for group in cluster["workerGroupSpecs"]]
        head = Group.of(cluster["headGroupSpec"], "head")
        return cls(head, tuple(workers), yaml.safe_load(service["spec"]["serveConfigV2"]))

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """The arguments of each model's application; changing them changes what is applied."""
        return {app["name"]: app["args"] for app in self.config["applications"] if "model" in app.get("args", {})}

    @property
    def replicas(self) -> dict[str, dict[str, Any]]:
        """How many replicas each model has: the options by which the chart says it to Serve."""
        found = {app["name"]: app.get("deployments", [{}])[0] for app in self.config["applications"]}
        return {name: found[name].get("autoscaling_config", {}) for name in self.models}

    @property
    def ledger(self) -> Ledger:
        """Who takes what of each card."""
        gateway = next(app for app in self.config["applications"] if app["name"] == "gateway")
        return validated(Table, gateway["deployments"][0]["user_config"], "the gateway's table").ledger

    def task(self, model: str) -> str:
        """`serve.tasks.stt:build` is of task stt."""
        application = next(app for app in self.config["applications"] if app["name"] == model)
        path: str = application["import_path"]
        return path.removeprefix("serve.tasks.").removesuffix(":build")

    def args(self, model: str) -> ModelArgs:
        """The arguments of one model, as its task types them."""
        cls: type[ModelArgs] = importlib.import_module(f"serve.tasks.{self.task(model)}").Args
        return validated(cls, self.models[model], f"models.{model}")

    def check(self) -> None:
        """Builds each application as Serve would, so that ConfigurationError comes before anything starts."""
        for application in self.config["applications"]:
            module, _, builder = application["import_path"].partition(":")
            task = importlib.import_module(module)
            args = validated(task.Args, application.get("args", {}), f"models.{application['name']}")
            getattr(task, builder)(args)

    def used(self) -> list[Group]:
        """The groups that a model is placed on, or ConfigurationError for a model whose group is missing."""
        groups = {group.name: group for group in self.workers}
        for model, args in self.models.items():
            wanted = args["placement"]["accelerator"]
            if wanted not in groups:
                known = ", ".join(groups) or "none"
                raise ConfigurationError(f"models.{model}.accelerator: there is no {wanted!r}; accelerators: {known}")
        placed = {args["placement"]["accelerator"] for args in self.models.values()}
        return [group for name, group in groups.items() if name in placed]
