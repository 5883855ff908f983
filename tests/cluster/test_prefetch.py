"""Real pods, and a model that rests: the Job has fetched it from a store before anybody asks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.sources import bucket, folder_name
from serve.values import Source
from tests.cluster import kubectl
from tests.cluster.served import CACHE, NAME, USER, Served, loading_images, running_pods, served
from tests.serve import references

pytestmark = running_pods
BUCKET, PREFIX = "models", "minilm"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
RESTS = {"min": 0, "max": 1, "upscaleDelay": 1}


@pytest.fixture(scope="module")
def store(address: str) -> Iterator[str]:
    """Where S3 answers with the model, for pods too."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("0.0.0.0", 0)
    server.start()
    url = f"http://{address}:{server.get_host_and_port()[1]}"
    keys = {name.lower(): value for name, value in CREDENTIALS.items() if "KEY" in name}
    client = boto3.client("s3", endpoint_url=url, region_name=CREDENTIALS["AWS_DEFAULT_REGION"], **keys)
    client.create_bucket(Bucket=BUCKET)
    for file in files(references.minilm()):
        client.upload_file(str(references.minilm() / file), BUCKET, f"{PREFIX}/{file}")
    yield url
    server.stop()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = os.environ.get("CLUSTER_TEST_FOLDER")
    made = Path(shared) / "prefetch" if shared else tmp_path_factory.mktemp("prefetch")
    made.mkdir(exist_ok=True)
    os.chown(made, USER, USER)
    return made


@pytest.fixture(scope="module")
def release(cluster: None, store: str, folder: Path) -> Iterator[Served]:
    here = {
        "vendor": "cpu", "memory": "2Gi", "order": 1, "cpus": 0.3, "ram": "3Gi",
        "cache": {"prefetch": True, "existingClaim": CACHE}, "env": {"AWS_ENDPOINT_URL": store, **CREDENTIALS},
    }  # fmt: skip
    resting = {
        "task": "embeddings", "engine": "sentence_transformers", "source": {"s3": f"{BUCKET}/{PREFIX}"},
        "accelerator": "here", "cpus": 0.2, "replicas": RESTS, "queueTimeout": 300,
    }  # fmt: skip
    spec = {"accelerators": {"here": here}, "head": {"cpus": 0.2, "ram": "3Gi"}, "models": {"resting": resting}}
    with loading_images(spec):
        pass
    with served(folder, spec) as release:
        release.apply()
        yield release


def test_the_files_are_there_before_anybody_asks_and_then_the_model_answers(release: Served, folder: Path) -> None:
    kubectl.wait("jobs", "condition=Complete", "--all", *release.place)
    fetched = folder / folder_name(Source(s3=f"{BUCKET}/{PREFIX}"))
    assert files(fetched) - {bucket.ETAGS} == files(references.minilm())
    release.ready()
    assert release.replicas("resting") == set()
    assert release.ask("resting").status_code == 200


def test_an_upgrade_that_changes_no_model_leaves_the_job_alone(release: Served) -> None:
    before = [one["metadata"]["uid"] for one in kubectl.items("jobs", *release.place)]
    release.apply("models.resting.queueTimeout=200")
    assert [one["metadata"]["uid"] for one in kubectl.items("jobs", *release.place)] == before != []
    assert NAME in kubectl.items("jobs", *release.place)[0]["metadata"]["name"]
