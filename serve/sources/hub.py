"""Weights from the Hugging Face hub, or the mirror that HF_ENDPOINT names: a repository fills a folder.

huggingface_hub fetches: whole files are kept, and a connection that breaks is continued with a byte range.
HF_TOKEN opens gated repositories and HF_HUB_OFFLINE closes the network, as everywhere in that library.
"""

import os
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars, filter_repo_objects  # type: ignore[attr-defined]

from serve.sources.transfer import transfer
from serve.values import Source


class NoFiles(Exception):
    """The revision has none of the files that are wanted."""


def fill(source: Source, model: str, folder: Path) -> None:
    """Brings `folder` to the state of the revision, and checks that it has come there."""
    assert source.hub is not None  # noqa: S101
    patterns = list(source.include) or None
    commit, sizes = _listing(source.hub, source.revision, patterns)
    if not sizes:
        raise NoFiles
    # The library keeps whole files, but never continues the parts of files that a killed process has left.
    for orphan in (folder / ".cache").rglob("*.incomplete"):
        orphan.unlink()
    disable_progress_bars()
    with transfer(model, folder, sum(sizes.values())):
        snapshot_download(source.hub, revision=commit, local_dir=folder, allow_patterns=patterns, endpoint=endpoint())
        # It returns a folder that is not empty, whatever is in it, when the hub falls silent after the listing.
        broken = [name for name, size in sizes.items() if _size(folder / name) != size]
        if broken:
            raise OSError(f"incomplete: {', '.join(broken)}")


def incurable(error: Exception, source: Source) -> str | None:
    """What happened and what to do, where another attempt would fail alike."""
    repository, revision = f"hub repository {source.hub!r}", source.revision or "main"
    match error:
        case GatedRepoError():
            return f"{repository} is gated; accept its terms at {endpoint()}/{source.hub} and give a token in HF_TOKEN"
        case RepositoryNotFoundError():
            return f"there is no {repository}, or it is private; check source.hub, or give a token in HF_TOKEN"
        case RevisionNotFoundError():
            return f"{repository} has no revision {revision!r}; check source.revision"
        case NoFiles():
            which = f" that matches {', '.join(source.include)}" if source.include else ""
            return f"{repository} has no file{which}; check source.hub and source.include"
        case HFValidationError():
            return f"{repository} is not a name that the hub can have; check source.hub"
        case OfflineModeIsEnabled():
            return f"{repository} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it"
    return None


def endpoint() -> str:
    """Where the hub, or its mirror, answers."""
    return os.environ.get("HF_ENDPOINT") or constants.ENDPOINT


def _listing(repository: str, revision: str | None, patterns: list[str] | None) -> tuple[str, dict[str, int]]:
    """The commit that the revision is now, and the size of each wanted file."""
    api = HfApi(endpoint=endpoint())
    commit = api.model_info(repository, revision=revision).sha
    assert commit is not None  # noqa: S101
    tree = api.list_repo_tree(repository, recursive=True, revision=commit)
    files = (entry for entry in tree if isinstance(entry, RepoFile))
    wanted = filter_repo_objects(files, allow_patterns=patterns, key=lambda file: file.path)
    return commit, {file.path: file.size for file in wanted}


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None
