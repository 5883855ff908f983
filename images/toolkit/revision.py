"""The git checkout goes in, what the OCI labels say about it comes out; empty where there is none."""

import re
import subprocess
from pathlib import Path


def revision(root: Path) -> str:
    """The commit, and whether the tree has more than it."""
    commit = _git(root, "rev-parse", "HEAD")
    return f"{commit}-dirty" if commit and _git(root, "status", "--porcelain") else commit


def source(root: Path) -> str:
    """The repository as an address for browsers: labels are public, so without the user and password it may carry."""
    address = _git(root, "remote", "get-url", "origin")
    address = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", address)
    return re.sub(r"^(https?://)[^@/]*@", r"\1", address).removesuffix(".git")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""
