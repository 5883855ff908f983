"""The workflow that publishes: it is valid, and what it runs of build.py is there."""

import re
import shlex
import subprocess
import sys

import yaml

from tests.images.workshop import ROOT, Workshop

FILE = ROOT / ".github" / "workflows" / "images.yml"


def test_the_workflow_is_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_what_build_py_has(paper: Workshop) -> None:
    commands = re.findall(r"python build\.py ([^)\n]+)", FILE.read_text())
    help_text = paper.run("--help").stdout
    words = {word for command in commands for word in shlex.split(command) if re.fullmatch(r"--\w+|list|record", word)}
    assert words == {"list", "--json", "--push", "--registry", "--digests", "record"}
    assert not [word for word in words if word not in help_text]


def test_only_the_job_that_publishes_may_write_packages() -> None:
    workflow = yaml.safe_load(FILE.read_text())
    assert workflow["permissions"] == {}
    writing = {
        name: [scope for scope, right in job["permissions"].items() if right == "write"]
        for name, job in workflow["jobs"].items()
    }
    assert writing == {"list": [], "build": ["packages"], "record": ["contents", "pull-requests"]}


def test_every_action_is_pinned_to_a_version() -> None:
    assert all(re.search(r"@v\d+\.\d+\.\d+$", line) for line in FILE.read_text().splitlines() if "uses:" in line)
