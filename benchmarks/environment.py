"""The Python of a peer: pinned requirements go in, an interpreter that has them comes out, made at the first use."""

import json
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serve.errors import ConfigurationError

ROOT = Path(__file__).parents[1]
TORCH_WHEELS = "https://download.pytorch.org/whl/cpu/torch/"
VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Environment:
    """`.venv/bench/<name>` with what `peers/<name>.txt` pins; the one that we run in where there is no name."""

    name: str = ""
    over_ours: bool = False
    """Whether what is not pinned, and torch, comes from ours, so that both sides run the same."""

    def python(self) -> Path:
        """The interpreter; installs, where that was not done before with these pins."""
        if not self.name:
            return Path(sys.executable)
        folder = ROOT / ".venv" / "bench" / self.name
        pins = (ROOT / "benchmarks" / "peers" / f"{self.name}.txt").read_text()
        ready, python = folder / "ready", folder / "bin" / "python"
        if not ready.exists() or ready.read_text() != pins:
            self._install(folder, python)
            ready.write_text(pins)
        return python

    def _install(self, folder: Path, python: Path) -> None:
        venv.create(folder, clear=True, with_pip=True)
        pins = (ROOT / "benchmarks" / "peers" / f"{self.name}.txt").read_text().splitlines()
        torch = [line for line in pins if line.startswith("torch==")]
        if self.over_ours:
            (site,) = (folder / "lib").glob("python*/site-packages")
            ours = next(path for path in sys.path if path.endswith("site-packages"))
            (site / "ours.pth").write_text(f"{ours}\n{ROOT}\n")
        elif torch:  # Its CPU build, which uv does not find where PIP_FIND_LINKS names it.
            pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--retries=0"]
            installed(*pip, f"--find-links={TORCH_WHEELS}", *torch)
        others = folder / "requirements.txt"
        others.write_text("\n".join(line for line in pins if line not in torch))
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--no-deps", f"--python={python}"]
        installed(*uv, "-r", others)

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """Of those that are there."""
        said = subprocess.run([self.python(), "-c", VERSIONS, *packages], capture_output=True, text=True, check=True)  # noqa: S603
        found: dict[str, str] = json.loads(said.stdout)
        return found


OURS = Environment()


def installed(*command: object, env: Mapping[str, str] | None = None) -> None:
    """A command that installs; raises ConfigurationError with what it said last where it fails."""
    said = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, env=env)  # noqa: S603
    if said.returncode:
        raise ConfigurationError(f"could not be installed:\n{said.stderr.strip()[-1000:]}")
