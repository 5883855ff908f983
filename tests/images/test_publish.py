"""`python build.py --push` and `pin` against a real registry: what is recorded for the chart, and what never is."""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest
import yaml

from serve.cli import helm
from tests.helm import Rendered, fleet
from tests.images import registry
from tests.images.conftest import cleared
from tests.images.registry import Registry
from tests.images.workshop import Workshop, opened


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, base: str, engine: docker.DockerClient
) -> Iterator[tuple[Workshop, Registry]]:
    """The images cpu and cuda in a registry."""
    if registry.PROGRAM is None:
        pytest.skip("there is no docker-registry on PATH")
    shop = opened(tmp_path_factory.mktemp("shop"), base, engine)
    with registry.running(tmp_path_factory.mktemp("depot") / "depot") as depot:
        done = shop.run("--push", "--registry", f"{depot.address}/mine")
        assert done.returncode == 0, done.stdout + done.stderr
        yield shop, depot
        cleared(shop, engine)


def recorded(shop: Workshop) -> dict[str, str]:
    digests: dict[str, str] = yaml.safe_load((shop.root / "values" / "images.yaml").read_text())["image"]["digests"]
    return digests


def test_the_digests_in_the_values_file_are_the_registrys(
    published: tuple[Workshop, Registry], engine: docker.DockerClient
) -> None:
    shop, depot = published
    text = (shop.root / "values" / "images.yaml").read_text()
    assert "python build.py --push" in text.splitlines()[0]
    image = yaml.safe_load(text)["image"]
    assert (image["repository"], image["tag"]) == (f"{depot.address}/mine/ai-inference", "1.2.3")
    assert image["digests"] == {
        vendor: engine.images.get_registry_data(f"{image['repository']}:1.2.3-{vendor}").id
        for vendor in ("cpu", "cuda")
    }


def test_an_image_comes_back_by_its_digest(published: tuple[Workshop, Registry], engine: docker.DockerClient) -> None:
    shop, depot = published
    name = f"{depot.address}/mine/ai-inference"
    built = engine.images.get(f"{name}:1.2.3-cuda").id
    assert engine.images.pull(f"{name}@{recorded(shop)['cuda']}").id == built


def test_a_second_push_changes_nothing(published: tuple[Workshop, Registry]) -> None:
    shop, depot = published
    file = shop.root / "values" / "images.yaml"
    before = (file.stat().st_mtime_ns, file.stat().st_ino, depot.files())
    done = shop.run("--push", "--registry", f"{depot.address}/mine")
    assert done.returncode == 0
    assert re.search(r"1\.2\.3-cpu +2\.\d MB +unchanged +sha256:", done.stdout)
    assert "values/images.yaml: unchanged" in done.stdout
    assert (file.stat().st_mtime_ns, file.stat().st_ino, depot.files()) == before


def test_a_push_of_one_image_keeps_the_others_digests(published: tuple[Workshop, Registry]) -> None:
    shop, depot = published
    before = recorded(shop)
    shop.write("serve/cuda.py", "changed = True\n")
    (image,) = shop.json("cuda", "--push", "--registry", f"{depot.address}/mine")["images"]
    assert image["state"] == "pushed"
    assert recorded(shop) == {"cpu": before["cpu"], "cuda": image["digest"]}
    assert image["digest"] != before["cuda"]


def test_the_chart_runs_the_recorded_digests(published: tuple[Workshop, Registry]) -> None:
    shop, depot = published
    file = shop.root / "values" / "images.yaml"
    rendered = Rendered(helm.template([file, shop.write("fleet.yaml", yaml.safe_dump(fleet()))]))
    name = f"{depot.address}/mine/ai-inference"
    images = {group: rendered.container(group)["image"] for group in rendered.groups}
    digests = recorded(shop)
    assert images == {
        "head": f"{name}@{digests['cpu']}", "small": f"{name}@{digests['cuda']}", "big": f"{name}:1.2.3-rocm"
    }  # fmt: skip


def assert_refused(shop: Workshop, code: int, said: str, address: str) -> None:
    """The push failed as it should, and nothing tells the chart otherwise."""
    assert code == 6, said
    assert f"cpu, push: {address} did not take {address}/ai-inference:1.2.3-cpu: " in said
    assert "no digest was recorded" in said
    assert not (shop.root / "values").exists()


def refused(shop: Workshop, address: str) -> str:
    done = shop.run("cpu", "--push", "--registry", address)
    assert_refused(shop, done.returncode, done.stderr, address)
    return done.stderr


def test_a_registry_that_refuses_takes_nothing_without_a_login(shop: Workshop, tmp_path: Path) -> None:
    if registry.PROGRAM is None:
        pytest.skip("there is no docker-registry on PATH")
    passwords = tmp_path / "passwords"
    passwords.write_text(registry.HTPASSWD)
    with registry.running(tmp_path / "depot", passwords) as depot:
        said = refused(shop, depot.address)
        assert "no basic auth credentials" in said
        assert f"Log in as someone who may write there: docker login {depot.address}" in said
        assert not list(depot.folder.rglob("*"))
        shop.write("docker/config.json", registry.login(depot.address))
        assert shop.run("cpu", "--push", "--registry", depot.address).returncode == 0
        assert set(recorded(shop)) == {"cpu"}


def test_a_registry_that_is_not_there_is_named(shop: Workshop) -> None:
    said = refused(shop, "127.0.0.1:1")
    assert "connection refused" in said
    assert "See whether 127.0.0.1:1 is up" in said


def test_a_registry_that_fails_midway_is_named(
    shop: Workshop, depot: Registry, tmp_path: Path, base: str, engine: docker.DockerClient
) -> None:
    """One disappears, one has a full disk: at once, since the Docker Engine tries again for most of a minute."""
    other = opened(tmp_path / "other", base, engine)
    other.write("serve/weights.bin", random.Random(0).randbytes(2_000_000))  # noqa: S311
    with ExitStack() as stack:
        lost = stack.enter_context(registry.breaking(depot.place))
        disk = stack.enter_context(registry.small_disk(tmp_path / "disk"))
        full = stack.enter_context(registry.running(disk / "depot")).address
        stack.callback(cleared, other, engine)
        pushes = [one.start("cpu", "--push", "--registry", at) for one, at in ((shop, lost), (other, full))]
        said = [process.communicate()[0] for process in pushes]
    assert_refused(shop, pushes[0].returncode, said[0], lost)
    assert_refused(other, pushes[1].returncode, said[1], full)
    assert f"See whether {lost} is up" in said[0]
    assert f"{full} failed by itself: look at its log and its disk" in said[1]


def test_ctrl_c_during_a_push_records_nothing(shop: Workshop, depot: Registry) -> None:
    words = ["cpu", "--push", "--registry", depot.address]
    code, said, _ = shop.interrupted(words, lambda line: line.strip() == "cpu: push")
    assert code == 130
    assert "stopped" in said
    assert not (shop.root / "values").exists()
    assert shop.tags() == [f"{depot.address}/ai-inference:1.2.3-cpu"]


def test_nothing_is_pushed_before_every_image_passed(shop: Workshop, depot: Registry) -> None:
    shop.vendor("cuda", "RUN exit 3")
    assert shop.run("--push", "--registry", depot.address).returncode == 4
    assert not list(depot.folder.rglob("*"))


def test_pin_writes_the_digest_that_the_tag_has_today(
    shop: Workshop, depot: Registry, base: str, engine: docker.DockerClient
) -> None:
    tagged = f"{depot.address}/debian:13"
    engine.images.get(base).tag(tagged)
    engine.images.push(tagged)
    file = shop.root / "images" / "cpu" / "Dockerfile"
    before = file.read_text()
    file.write_text(before.replace(f"ARG BASE={base}", f"ARG BASE={tagged}@sha256:{'0' * 64}"))
    digest = engine.images.get_registry_data(tagged).id
    assert f"{tagged}@{digest}\n" in shop.run("pin", "cpu").stdout
    assert file.read_text() == before.replace(base, f"{tagged}@{digest}")
    assert f"{tagged}@{digest} (unchanged)\n" in shop.run("pin", "cpu").stdout
    engine.images.remove(tagged)
    assert shop.run("cpu", "--registry", shop.registry).returncode == 0
    engine.images.remove(f"{depot.address}/debian@{digest}")


def test_pin_names_a_base_that_is_gone(shop: Workshop, depot: Registry) -> None:
    file = shop.root / "images" / "cpu" / "Dockerfile"
    file.write_text(file.read_text().replace(shop.base, f"{depot.address}/gone:1@sha256:{'0' * 64}"))
    before = file.read_text()
    done = shop.run("pin")
    assert done.returncode == 7
    assert f"cpu, pin: the registry has no {depot.address}/gone:1: " in done.stderr
    assert file.read_text() == before
