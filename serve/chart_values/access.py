"""Who may ask what, and of whom secrets are had: values of clients, the dashboard, aliases and the hub, typed."""

from typing import Annotated, Literal

from pydantic import Field

from serve.values import Closed


class Auth(Closed):
    """Who may ask."""

    enabled: bool = True
    """False: whoever reaches the service."""
    existing_secret: str = ""
    """Secret in which each entry is a key, by its name; default: <release>-keys."""
    origins: tuple[str, ...] = ()
    """Whose pages may read answers in a browser, such as https://chat.example.com."""


class Dashboard(Closed):
    """Ray's dashboard and the job interface behind it."""

    auth: Literal["disabled", "token"] = "token"
    """Whether Ray asks for a token."""
    existing_secret: str = ""
    """Secret with the token under auth_token; none: a hook makes one that stays."""


class HuggingFace(Closed):
    """Access to the hub."""

    existing_secret: str = ""
    """Secret that holds a token; none: only public repositories."""
    key: str = "token"
    """Its key."""


class Aliases(Closed):
    """A Service <prefix><model>-predictor for each model."""

    enabled: bool = True
    """False makes none."""
    type: Literal["ExternalName", "Service"] = "ExternalName"
    """ExternalName keeps port 8000; Service answers at port 80."""
    namespace: str = ""
    """Default: the release's."""
    prefix: Annotated[str, Field(pattern=r"^([a-z][-a-z0-9]*)?$")] = ""
    """Before each name, such as `staging-`."""
    cluster_domain: str = "cluster.local"
    """The cluster's DNS domain."""
