"""`ai-inference recreate`: a release whose values were applied goes in, and comes to run on the pods that they ask for.

Helm runs it as a hook after each upgrade under `upgrade.strategy: recreate`, in a pod of its own that has the rights to
do so. Most upgrades change no pod: then it says so and ends.
"""

import signal
from typing import Annotated

import typer

SERVE_PORT = 8000

Name = Annotated[str, typer.Argument(help="The RayService's name, which is the release's.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="Its namespace.")]
Pod = Annotated[str, typer.Option(help="The pod in which this runs; it answers clients while no model does.")]
Patience = Annotated[float, typer.Option(help="Seconds that the next cluster may take until it serves.")]
Port = Annotated[int, typer.Option(help="Where clients are answered: the port of Serve's proxies.")]


def recreate(name: Name, namespace: Namespace, pod: Pod, patience: Patience = 240, port: Port = SERVE_PORT) -> None:
    """Make the Ray cluster anew if the values ask for other pods."""
    import lightkube  # Other commands need not wait for these.

    from serve.recreate.recreation import Recreation
    from serve.recreate.release import Release

    recreation = Recreation(Release(lightkube.Client(), name, namespace), pod, patience)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: recreation.ended.set())
    for event in recreation.events(port):
        typer.echo(event)
