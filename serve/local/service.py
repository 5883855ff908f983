"""serveConfigV2 on running nodes: put it as the operator does, watch the applications until they answer.

Source of the interface: docs.ray.io/en/latest/serve/api/#serve-rest-api-v2.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from serve.errors import ConfigurationError
from serve.front.keys import TOKEN, Keys
from serve.local.nodes import Nodes

GATEWAY = "gateway"
SETTLED = {"RUNNING", "DEPLOY_FAILED", "UNHEALTHY"}
POLL_SECONDS = 0.25


class Service:
    """The applications on `nodes`, served at 127.0.0.1:`port`."""

    def __init__(self, nodes: Nodes, port: int) -> None:
        self.nodes = nodes
        self.headers = Keys(None, nodes.token[TOKEN]).service()
        self.address = f"http://127.0.0.1:{port}"
        self._port = port
        self._url = f"{nodes.dashboard}/api/serve/applications/"

    def apply(self, config: Mapping[str, Any]) -> None:
        """Puts the configuration; ConfigurationError with Ray's words when it is refused."""
        http = {**config.get("http_options", {}), "host": "127.0.0.1", "port": self._port}
        # Workers' proxies would all want the head's port on this one machine.
        body = {**config, "proxy_location": "HeadOnly", "http_options": http}
        for application in config["applications"]:
            if application["name"] == GATEWAY:
                application["deployments"][0]["user_config"]["address"] = self.address  # Its way to the models.
        answer = self._until_up(lambda: requests.put(self._url, json=body, headers=self.nodes.headers, timeout=60))
        if answer.status_code != 200:
            raise ConfigurationError(f"Ray Serve refused the configuration: {answer.text}")

    def applications(self) -> dict[str, dict[str, Any]]:
        """Status and message of each application."""
        answer = self._until_up(lambda: requests.get(self._url, headers=self.nodes.headers, timeout=60))
        answer.raise_for_status()
        applications: dict[str, dict[str, Any]] = answer.json()["applications"]
        return applications

    def wait(self, watch: Callable[[dict[str, dict[str, Any]]], None] = lambda _: None) -> dict[str, dict[str, Any]]:
        """Until every application has settled; `watch` sees each look. Returns the last.

        Raises ConfigurationError with Ray's words when the gateway cannot be deployed, since nothing would be reached.
        """
        while True:
            applications = self.applications()
            watch(applications)
            self._must_live()
            _must_lead(applications)
            settled = applications and all(app["status"] in SETTLED for app in applications.values())
            if settled and "starting" not in self._states():
                return applications
            time.sleep(POLL_SECONDS)

    @property
    def logs(self) -> Path:
        """The folder of Serve's logs."""
        return self.nodes.folder / "ray" / "session_latest" / "logs" / "serve"

    def health(self) -> dict[str, Any]:
        """The gateway's answer, with the state of each model."""
        found: dict[str, Any] = requests.get(f"{self.address}/health", headers=self.headers, timeout=60).json()
        return found

    def _states(self) -> set[str]:
        """Of the models, as the gateway sees them: the proxy hears of an application a little after it runs."""
        try:
            return {model["status"] for model in self.health()["models"].values()}
        except (requests.RequestException, ValueError, LookupError):
            return {"starting"}

    def _until_up(self, call: Callable[[], requests.Response]) -> requests.Response:
        """The dashboard's answer, once it has started."""
        while True:
            try:
                answer = call()
                if answer.status_code != 503:
                    return answer
            except requests.ConnectionError:
                pass
            self._must_live()
            time.sleep(POLL_SECONDS)

    def _must_live(self) -> None:
        """Raises ConfigurationError when a node has ended."""
        if failure := self.nodes.failed():
            raise ConfigurationError(failure)


def _must_lead(applications: Mapping[str, Mapping[str, Any]]) -> None:
    gateway = applications.get(GATEWAY, {})
    if gateway.get("status") == "DEPLOY_FAILED":
        raise ConfigurationError(f"the gateway could not be deployed: {gateway['message']}")
