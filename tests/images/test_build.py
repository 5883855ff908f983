"""`python build.py` with a Docker Engine: what is built, tried and tagged, and what is not."""

import json
import os
import re
from pathlib import Path

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.images import registry
from tests.images.workshop import Workshop


def test_all_images_are_built_tried_and_tagged(shop: Workshop) -> None:
    done = shop.run("--registry", shop.registry)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.tags() == [f"{shop.registry}/ai-inference:1.2.3-{vendor}" for vendor in ("cpu", "cuda")]
    assert done.stdout.count("ok      ray") == 2
    assert re.search(r"1\.2\.3-cuda +2\.\d MB +built +sha256:[0-9a-f]{12} +\d+\.\d", done.stdout)


def test_json_is_all_of_stdout(shop: Workshop, engine: docker.DockerClient) -> None:
    (image,) = shop.json("cpu", "--registry", shop.registry)["images"]
    assert image["id"] == engine.images.get(image["image"]).id
    assert (image["vendor"], image["state"], image["digest"]) == ("cpu", "built", None)
    assert image["size"] > 1e6


def test_a_change_of_serve_makes_only_the_last_layer_anew(shop: Workshop) -> None:
    shop.run("cpu", "--registry", shop.registry)
    shop.write("serve/__init__.py", "changed = True\n")
    steps = shop.run("cpu", "--registry", shop.registry).stdout.split("Step ")[1:]
    new = [step.splitlines()[0] for step in steps if "Using cache" not in step]
    assert [line.split()[2] for line in new] == ["ARG", "FROM", "COPY"]
    assert new[-1] == "8/8 : COPY serve /opt/serve"


def test_nothing_of_this_machine_is_in_the_context(shop: Workshop) -> None:
    (first,) = shop.json("cpu", "--registry", shop.registry)["images"]
    shop.write("serve/__init__.py", "")
    (shop.root / "serve" / "__init__.py").chmod(0o600)
    shop.write("serve/__pycache__/x.pyc", "x")
    (second,) = shop.json("cpu", "--registry", shop.registry)["images"]
    assert first["id"] == second["id"]


def test_no_cache_makes_every_layer_anew(shop: Workshop) -> None:
    shop.run("cpu", "--registry", shop.registry)
    assert "Using cache" not in shop.run("cpu", "--no-cache", "--registry", shop.registry).stdout


def test_an_image_is_tried_confined_and_as_its_own_user(shop: Workshop) -> None:
    shop.contract("cat /proc/self/status /proc/mounts /proc/net/dev; echo writable >/tmp/x && cat /tmp/x")
    said = shop.run("cpu", "--registry", shop.registry).stdout
    assert re.search(r"Uid:\s+1000", said)
    assert re.search(r"CapBnd:\s+0000000000000000", said)
    assert re.search(r"NoNewPrivs:\s+1", said)
    assert re.search(r" / overlay ro,", said)
    assert re.search(r"/dev/shm tmpfs \S*size=1048576k", said)
    assert re.search(r"/tmp tmpfs (?!\S*noexec)", said)
    assert "eth0" not in said
    assert "writable" in said


def test_wheels_and_another_base_reach_the_dockerfile(shop: Workshop, base: str) -> None:
    shop.write("wheels/torch-1-py3-none-any.whl", "the wheel")
    shop.vendor("cpu", "COPY wheels* /wheels/")
    text = (shop.root / "images" / "cpu" / "Dockerfile").read_text()
    shop.write("images/cpu/Dockerfile", text.replace(base, "nowhere.invalid/base:1"))
    shop.contract("cat /wheels/*")
    done = shop.run("cpu", "--registry", shop.registry, "--base", base, "--wheels", str(shop.root / "wheels"))
    assert "the wheel" in done.stdout, done.stdout + done.stderr


def test_a_folder_without_wheels_is_refused(shop: Workshop) -> None:
    done = shop.run("cpu", "--wheels", str(shop.root / "serve"))
    assert (done.returncode, "there is no wheel in this folder" in done.stderr) == (2, True)


def test_a_step_that_fails_is_shown_with_its_last_lines(shop: Workshop) -> None:
    shop.vendor("cpu", "RUN echo 'hash mismatch: ray==2.60.0' && exit 9")
    done = shop.run("--registry", shop.registry)
    assert done.returncode == 4
    assert "error: cpu, build: images/cpu/Dockerfile failed in Step 6/9 : RUN echo 'hash mismatch" in done.stderr
    assert "\n  hash mismatch: ray==2.60.0\n" in done.stderr
    assert "returned a non-zero code: 9" in done.stderr
    assert shop.tags() == []
    assert shop.containers() == []


def test_a_dockerfile_that_the_engine_does_not_read_is_named(shop: Workshop) -> None:
    shop.vendor("cpu", "NONSENSE")
    done = shop.run("cpu", "--registry", shop.registry)
    assert done.returncode == 4
    assert re.search(r"does not accept images/cpu/Dockerfile: .*unknown instruction: NONSENSE", done.stderr)


def test_a_base_that_is_nowhere_is_named(shop: Workshop) -> None:
    done = shop.run("cpu", "--registry", shop.registry, "--base", "127.0.0.1:1/absent:1")
    assert done.returncode == 7
    assert "cpu, build: there is no base 127.0.0.1:1/absent:1 to be had" in done.stderr


@pytest.mark.parametrize(
    ("contract", "words", "says"),
    [
        ("", ("--build-arg", "RAY=2.59.0"), "ray: 2.60.0, but versions.env has 2.59.0"),
        ("holds wget 'command -v wget' 'not in the image'", (), "wget: not in the image"),
        ("holds vllm false 'ImportError: libcudart.so.13'", (), "vllm: ImportError: libcudart.so.13"),
        (
            "holds ray false 'it does not start\nNo module named ray'; holds on true",
            (),
            "No module named ray\nLook into",
        ),
        ("echo all is lost; exit 7", (), "contract.py ended with status 7 after:"),
    ],
)
def test_an_image_that_breaks_its_contract_gets_no_tag_and_is_not_pushed(
    shop: Workshop, contract: str, words: tuple[str, ...], says: str
) -> None:
    shop.contract(contract)
    done = shop.run("cpu", "--push", "--registry", shop.registry, *words)
    assert done.returncode == 5
    assert f"  {says}" in done.stderr
    assert re.search(r"docker run --rm -it --entrypoint sh sha256:[0-9a-f]{64}", done.stderr)
    assert (shop.tags(), shop.containers()) == ([], [])
    assert not (shop.root / "values").exists()
    assert not (shop.root / "dist").exists()


def test_an_image_without_python_breaks_its_contract(shop: Workshop) -> None:
    shop.vendor("cpu", "ENV PATH=/nowhere")
    done = shop.run("cpu", "--registry", shop.registry)
    assert done.returncode == 5
    assert "python /opt/ai-inference/contract.py does not start" in done.stderr
    assert shop.containers() == []


def test_a_bill_of_materials_lies_beside_the_image(shop: Workshop) -> None:
    (image,) = shop.json("cpu", "--registry", shop.registry)["images"]
    text = Path(image["sbom"]).read_text()
    assert image["sbom"] == str(shop.root / "dist" / "1.2.3-cpu.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    assert bom["metadata"]["component"]["name"] == image["image"]
    assert {one.get("purl") for one in bom["components"]} == {
        None, "pkg:pypi/ray@2.60.0", "pkg:pypi/odd@1", "pkg:pypi/silent@2",
        "pkg:deb/debian/wget@1.25.0-2?arch=amd64&distro=debian-13",
    }  # fmt: skip
    assert [one["licenses"] for one in bom["components"] if one["name"] == "ray"] == [
        [{"license": {"id": "Apache-2.0"}}]
    ]


def test_the_same_image_has_the_same_bill_of_materials(shop: Workshop) -> None:
    bills = [Path(shop.json("cpu", "--registry", shop.registry)["images"][0]["sbom"]).read_text() for _ in range(2)]
    assert bills[0] == bills[1]


def test_syft_writes_the_bill_of_materials_where_it_is_installed(shop: Workshop) -> None:
    shop.write("bin/syft", '#!/bin/sh\necho "$1 $2" >"${4#cyclonedx-json=}"\n').chmod(0o755)
    shop.environment["PATH"] = f"{shop.root / 'bin'}:/usr/bin:/bin"
    (image,) = shop.json("cpu", "--registry", shop.registry)["images"]
    assert Path(image["sbom"]).read_text() == f"scan docker:{image['id']}\n"


def test_steps_are_folded_in_github_actions(shop: Workshop) -> None:
    shop.environment["GITHUB_ACTIONS"] = "true"
    said = shop.run("cpu", "--registry", shop.registry).stdout
    assert said.count("::group::cpu: ") == said.count("::endgroup::") == 3


@pytest.mark.parametrize("at", [b"gone from a build", b"gone from the contract"])
def test_an_engine_that_goes_away_is_said(shop: Workshop, at: bytes) -> None:
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    if "://" in socket:
        pytest.skip("this Docker Engine is not on a socket of this machine")
    # Put together by the shell, so that only the Engine says it, and not the context that it is sent.
    shop.vendor("cpu", "RUN echo gone from a $(echo build)")
    shop.contract("echo gone from the $(echo contract)")
    with registry.breaking(socket, at) as address:
        shop.environment["DOCKER_HOST"] = f"tcp://{address}"
        done = shop.run("cpu", "--registry", shop.registry)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the Docker Engine failed or went away: see its log" in done.stderr
    assert shop.tags() == []


def test_ctrl_c_during_a_build_leaves_neither_tag_nor_container(shop: Workshop, engine: docker.DockerClient) -> None:
    shop.vendor("cpu", "RUN echo slow && sleep 600")
    code, said, running = shop.interrupted(["cpu", "--registry", shop.registry], lambda line: line.strip() == "slow")
    assert (code, "stopped; what was not finished" in said) == (130, True)
    (container,) = running
    next(engine.events(since=0, filters={"container": container, "event": "destroy"}))
    assert (shop.tags(), shop.containers()) == ([], [])


def test_ctrl_c_during_the_contract_leaves_neither_tag_nor_container(shop: Workshop) -> None:
    shop.contract("echo slow; sleep 600")
    code, said, running = shop.interrupted(["cpu", "--registry", shop.registry], lambda line: line.strip() == "slow")
    assert (code, "stopped; what was not finished" in said) == (130, True)
    assert len(running) == 1
    assert (shop.tags(), shop.containers()) == ([], [])
