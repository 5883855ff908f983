"""What every image promises, tried within it: `python /opt/ai-inference/contract.py` prints a line per promise.

The image itself goes in, with what it was built from beside this file: versions.env and requirements.txt. build.py runs
it as the image's user, without a network and with a root that may only be read, and neither tags nor publishes an image
that exits with 1. Names of promises as arguments try only those. `--inventory` prints what is installed, as JSON, from
which the bill of materials is made.
"""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = ("bash", "wget", "grep", "ray")  # KubeRay's probes and its start command call them.
DRIVER = ("libcuda.so", "libnvidia-")  # The node brings these.
EXTRA = re.compile(r"""extra == ['"](?P<extra>[^'"]+)['"]""")
LOCKED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$", re.MULTILINE
)


def programs() -> Iterator[str]:
    """Also by a login shell, which sets PATH anew."""
    for name in PROGRAMS:
        if shutil.which(name) is None or run("bash", "-lc", f"command -v {name}").returncode:
            yield f"{name}: not on PATH"


def versions() -> Iterator[str]:
    found = {
        "PYTHON": ".".join(platform.python_version_tuple()[:2]),
        "RAY": installed("ray"),
        "VERSION": installed("ai-inference"),
    }
    wanted = dict(line.split("=", 1) for line in (HERE / "versions.env").read_text().splitlines() if "=" in line)
    for key, version in found.items():
        if (expected := os.environ.get(key) or wanted[key]) != version:
            yield f"{key}: {version}, but the image was to have {expected}"


def lock() -> Iterator[str]:
    """Every package that the lock asks for on this Python, in its version."""
    from packaging.markers import Marker

    for line in LOCKED.finditer((HERE / "requirements.txt").read_text()):
        if line["marker"] and not Marker(line["marker"]).evaluate():
            continue
        if (found := installed(line["name"])) != line["version"]:
            yield f"{line['name']}: {found}, but the lock has {line['version']}"


def tasks() -> Iterator[str]:
    """The head imports each import_path, and it has no GPU."""
    import serve

    folder = Path(str(serve.__file__)).parent / "tasks"
    yield from imported(f"serve.tasks.{path.stem}" for path in sorted(folder.glob("[a-z]*.py")))
    yield from imported(["serve.gateway"])


def engines() -> Iterator[str]:
    """Each engine of this vendor, with the packages of its extra."""
    for engine in os.environ["AI_INFERENCE_ENGINES"].split():
        yield from imported([f"serve.engines.{engine}", *packages(engine)])


def libraries() -> Iterator[str]:
    """What the engines' compiled modules are linked to: some packages only log that a library is missing."""
    engines = os.environ["AI_INFERENCE_ENGINES"].split()
    folders = [folder for engine in engines for name in packages(engine) for folder in HERE.glob(f"lib/*/*/{name}")]
    modules = [str(path) for folder in folders for path in folder.rglob("*.so")]
    brought = {path.name for path in HERE.rglob("lib*.so*")}
    missing = set(re.findall(r"^\s(\S+) => not found$", run("ldd", *modules).stdout, re.MULTILINE)) - brought
    yield from (f"{name}: an engine is linked to it" for name in sorted(missing) if not name.startswith(DRIVER))


@cache
def packages(engine: str) -> list[str]:
    """The importable packages of an engine's extra; vLLM's builds for other vendors are of other names, so its own."""
    wanted = set(extra(engine))
    every = importlib.metadata.packages_distributions().items()
    return sorted(name for name, of in every if name.isidentifier() and wanted & set(map(normal, of))) or [engine]


def extra(engine: str) -> Iterator[str]:
    """The packages that an engine's extra asks for."""
    for requirement in importlib.metadata.requires("ai-inference") or ():
        if (found := EXTRA.search(requirement)) and normal(found["extra"]) == normal(engine):
            yield normal(re.split(r"[<>=!~; \[]", requirement)[0])


def normal(name: str) -> str:
    """As packaging.python.org/en/latest/specifications/name-normalization/ has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def command() -> Iterator[str]:
    said = run("ai-inference", "--version")
    if said.returncode or said.stdout.strip() != installed("ai-inference"):
        yield f"ai-inference --version: {(said.stdout + said.stderr).strip()}"


def user() -> Iterator[str]:
    if os.getuid() == 0:
        yield "it runs as root"
    if os.access(HERE, os.W_OK):
        yield f"{HERE} may be written by the user"


def head() -> Iterator[str]:
    """As KubeRay starts it, but for the address: there is no network here."""
    start = ("ray", "start", "--head", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--disable-usage-stats")
    for _ in range(3):  # Ray gives up after 30 s, which a busy builder may need to read the image for the first time.
        said = run(*start)
        run("ray", "stop", "--force")
        if said.returncode == 0:
            return
    yield f"ray start --head: {(said.stdout + said.stderr).strip()[-800:]}"


def installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def imported(modules: Iterator[str] | list[str]) -> Iterator[str]:
    """Each in a process of its own: a crash of one does not hide the others."""
    for module in modules:
        said = run(sys.executable, "-c", f"import {module}")
        if said.returncode:
            yield f"import {module}: {(said.stderr.strip().splitlines() or ['it crashed'])[-1]}"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def inventory() -> dict[str, object]:
    """Distribution packages and Python packages, with versions and licences."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    listed = run("dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n").stdout.splitlines()
    fields = ("name", "version", "architecture")
    python = {found.metadata["Name"]: found for found in importlib.metadata.distributions()}
    return {
        "os": {"id": release["ID"].strip('"'), "version": release.get("VERSION_ID", "").strip('"')},
        "system": [dict(zip(fields, line.split("\t"), strict=True)) for line in listed],
        "python": [{"name": name, "version": python[name].version, "license": licence(python[name])}
                   for name in sorted(python)],
    }  # fmt: skip


def licence(package: importlib.metadata.Distribution) -> str:
    """As the package says it, in the field of today or in that of old; empty when in neither."""
    said = package.metadata.json
    return str(said.get("license_expression") or said.get("license") or "")


PROMISES: tuple[Callable[[], Iterator[str]], ...] = (
    programs,
    versions,
    lock,
    tasks,
    engines,
    libraries,
    command,
    user,
    head,
)


def main(names: list[str]) -> int:
    failed = False
    for promise in (promise for promise in PROMISES if not names or promise.__name__ in names):
        broken = list(promise())
        failed = failed or bool(broken)
        for line in broken or [promise.__name__]:
            print("FAILED " if broken else "ok     ", line, flush=True)
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:] == ["--inventory"]:
        print(json.dumps(inventory()))
    else:
        sys.exit(main(sys.argv[1:]))
