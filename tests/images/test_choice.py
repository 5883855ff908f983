"""What can be asked without a Docker Engine: list, plan, record, and every word that is wrong."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.images.workshop import ROOT, Workshop

DIGEST = "sha256:" + "a" * 64


def test_a_vendor_is_a_folder_with_a_dockerfile(paper: Workshop) -> None:
    paper.write("images/notes/README.md", "no image")
    paper.vendor("npu")
    assert paper.run("list").stdout.split() == ["cpu", "cuda", "npu"]


def test_list_is_a_matrix_of_github_actions(paper: Workshop) -> None:
    assert paper.json("list") == {"include": [{"vendor": "cpu"}, {"vendor": "cuda"}]}


def test_plan_names_images_bases_and_versions(paper: Workshop) -> None:
    said = paper.run("plan", "cuda").stdout
    assert "ghcr.io/ai-inference/ai-inference:1.2.3-cuda" in said
    assert "debian:13@sha256:0" in said
    assert "RAY=2.60.0" in said
    assert "1.2.3-cpu" not in said


def test_plan_passes_only_arguments_that_a_dockerfile_declares(paper: Workshop) -> None:
    paper.vendor("cuda", "ARG RAY\nARG VERSION REVISION=none\nARG NOTE='x y'")
    (image,) = paper.json("plan", "cuda", "--build-arg", "NOTE=z", "--build-arg", "HTTP_PROXY=http://proxy")["images"]
    assert image["arguments"] == {
        "VERSION": "1.2.3", "RAY": "2.60.0", "REVISION": "", "NOTE": "z", "HTTP_PROXY": "http://proxy"
    }  # fmt: skip


def test_options_change_the_plan(paper: Workshop) -> None:
    words = (
        "--registry",
        "localhost:5000/mine",
        "--tag",
        "next",
        "--base",
        "ubuntu:26.04",
        "--platform",
        "linux/arm64",
    )
    (image,) = paper.json("plan", "cpu", *words, "--build-arg", "RAY=2.59.0")["images"]
    assert image["image"] == "localhost:5000/mine/ai-inference:next-cpu"
    assert (image["base"], image["platform"]) == ("ubuntu:26.04", "linux/arm64")
    assert image["expected"] == {"PYTHON": "3.12", "RAY": "2.59.0", "VERSION": "1.2.3", "VENDOR": "cpu"}


def test_the_revision_says_whether_the_tree_is_the_commits(paper: Workshop) -> None:
    paper.vendor("cpu", "ARG REVISION\nARG SOURCE")

    def git(*words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t")
        subprocess.run(["git", "-C", str(paper.root), *identity, *words], check=True, capture_output=True)

    for words in ("init", "remote add origin https://me:word@git.example/one/two.git", "add -A", "commit -m x"):
        git(*words.split())
    (image,) = paper.json("plan", "cpu")["images"]
    assert image["arguments"]["SOURCE"] == "https://git.example/one/two"
    commit = image["arguments"]["REVISION"]
    assert len(commit) == 40
    paper.write("serve/new.py", "")
    (image,) = paper.json("plan", "cpu")["images"]
    assert image["arguments"]["REVISION"] == f"{commit}-dirty"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("cdua",), "there is no image 'cdua'; did you mean cuda?"),
        (("plan", "gaudi"), "there is no image 'gaudi', only cpu, cuda"),
        (("--build-arg", "RAY"), "--build-arg RAY: write it as KEY=VALUE"),
        (("--build-arg", "RYA=1"), "no Dockerfile of these images has ARG RYA; did you mean RAY?"),
        (("--registry", "https://ghcr.io"), "--registry https://ghcr.io: not a registry's name"),
        (("--tag", "a/b"), "--tag a/b: a tag has letters"),
        (("--wheels", "absent"), "absent"),
    ],
)
def test_a_wrong_word_is_named(paper: Workshop, words: tuple[str, ...], says: str) -> None:
    done = paper.run(*words)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_dockerfile_without_a_base_is_named(paper: Workshop) -> None:
    paper.write("images/cpu/Dockerfile", "FROM debian\n")
    done = paper.run("plan")
    assert done.returncode == 2
    assert "images/cpu/Dockerfile has no line ARG BASE=" in done.stderr


def test_an_engine_that_does_not_answer_is_said(paper: Workshop) -> None:
    done = paper.run("cpu")
    assert done.returncode == 3
    assert "no Docker Engine answers; start one, or name one by DOCKER_HOST" in done.stderr


def test_help_lists_the_exit_codes_and_the_options(paper: Workshop) -> None:
    said = paper.run("--help").stdout
    assert "5  A built image does not do what every image must" in said
    assert "130  Ctrl-C" in said
    assert "--push" in said


def test_a_missing_package_is_named_with_the_way_to_it(paper: Workshop) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "build.py"], cwd=paper.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("pip install -r images/requirements.txt, or make images\n")
    assert "Traceback" not in done.stderr


def test_the_script_header_has_the_versions_of_the_lock() -> None:
    comment = (ROOT / "build.py").read_text().partition("# ///\n")[0].splitlines()[1:]
    header = tomllib.loads("\n".join(line.removeprefix("# ") for line in comment))
    lock = (ROOT / "images" / "requirements.txt").read_text()
    assert all(f"\n{package} " in lock for package in header["dependencies"])
    wanted = {line for line in (ROOT / "images" / "requirements.in").read_text().split("\n") if line and line[0] != "#"}
    assert {package.partition("==")[0] for package in header["dependencies"]} == wanted


def digests(path: Path, tag: str, **vendors: str) -> Path:
    path.write_text(yaml.safe_dump({"image": {"repository": "r", "tag": tag, "digests": vendors}}))
    return path


def test_record_merges_what_the_jobs_of_a_matrix_wrote(paper: Workshop) -> None:
    one = digests(paper.root / "one.yaml", "1", cuda=DIGEST)
    two = digests(paper.root / "two.yaml", "1", cpu=DIGEST)
    assert paper.run("record", str(one), str(two)).stdout.endswith("values/images.yaml: written\n")
    written = (paper.root / "values" / "images.yaml").read_text()
    assert yaml.safe_load(written)["image"] == {
        "repository": "r",
        "tag": "1",
        "digests": {"cpu": DIGEST, "cuda": DIGEST},
    }
    assert written.splitlines()[-2:] == [f"    cpu: {DIGEST}", f"    cuda: {DIGEST}"]
    assert paper.run("record", str(one)).stdout.endswith("values/images.yaml: unchanged\n")


def test_record_forgets_the_digests_of_another_version(paper: Workshop) -> None:
    for tag, vendor in (("1", "cuda"), ("2", "cpu")):
        assert paper.run("record", str(digests(paper.root / "one.yaml", tag, **{vendor: DIGEST}))).returncode == 0
    assert yaml.safe_load((paper.root / "values" / "images.yaml").read_text())["image"]["digests"] == {"cpu": DIGEST}


def test_record_refuses_files_of_two_versions_and_files_of_others(paper: Workshop) -> None:
    one, two = digests(paper.root / "one.yaml", "1", a=DIGEST), digests(paper.root / "two.yaml", "2", a=DIGEST)
    done = paper.run("record", str(one), str(two))
    assert (done.returncode, "different versions, r:1 and r:2" in done.stderr) == (2, True)
    done = paper.run("record", str(paper.write("other.yaml", "models: {}")))
    assert (done.returncode, "other.yaml is not a file that" in done.stderr) == (2, True)


def test_an_error_is_json_where_json_was_asked_for(paper: Workshop) -> None:
    done = paper.run("cpu", "--json")
    assert json.loads(done.stdout)["error"]["cause"] == "NoEngine"
    assert json.loads(done.stdout)["error"]["code"] == done.returncode == 3
