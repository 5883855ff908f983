"""`ai-inference token`: the name of a Secret goes in, and it is there, with a random token for Ray's dashboard.

Helm runs it as a hook before the first pod of Ray, in a pod that may make Secrets and nothing else. One that is there
is left alone, whoever made it: all who know its token would be shut out by another.
"""

import secrets
from typing import Annotated

import typer

KEY = "auth_token"  # Where KubeRay looks for it.
BYTES = 32

Secret = Annotated[str, typer.Argument(help="The Secret's name.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="Its namespace.")]


def token(secret: Secret, namespace: Namespace) -> None:
    """Make the Secret with the token of Ray's dashboard if it is missing."""
    import lightkube  # Other commands need not wait for these.
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import Secret as Object

    # Not app.kubernetes.io/instance, by which Argo CD would take it for one of its own, and prune it.
    metadata = ObjectMeta(name=secret, namespace=namespace, labels={"app.kubernetes.io/name": "ai-inference"})
    made = Object(metadata=metadata, stringData={KEY: secrets.token_urlsafe(BYTES)})
    try:
        lightkube.Client().create(made)
        typer.echo(f"{secret} is made, with a new token")
    except lightkube.ApiError as error:
        if error.status.reason != "AlreadyExists":
            raise
        typer.echo(f"{secret} is there, and keeps its token")
