"""Where weights come from: a `Source` goes in, a complete local folder comes out."""

from pathlib import Path

from serve.errors import ModelUnavailable
from serve.values import Source


def fetch(source: Source, model: str) -> Path:
    """The folder with the source's files."""
    if source.path is None:
        raise ModelUnavailable("hub: not yet")
    folder = Path(source.path)
    if not folder.exists():
        raise ModelUnavailable(f"model {model!r}: there is no folder {source.path!r} on this node")
    return folder
