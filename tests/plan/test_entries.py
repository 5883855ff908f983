"""What is wrong with values is said before a plan: with the entry, and with the nearest right key."""

from pathlib import Path

import pytest

from tests.helm import VALUES, fleet
from tests.plan.conftest import Call

CORPUS = {
    "task": "embeddings",
    "engine": "fake",
    "source": {"path": "/"},
    "accelerator": "small",
    "input": "s3://a/b",
    "output": "s3://a/c",
}
MISSPELT = {
    "modles": ({"modles": {}}, "modles: unknown key; did you mean 'models'?"),
    "an entry": (fleet(models__ears__egnine="fake"), "models.ears.egnine: unknown key; did you mean 'engine'?"),
    "an accelerator": (
        fleet(accelerators__small__nodeSelecter={}),
        "accelerators.small.nodeSelecter: unknown key; did you mean 'nodeSelector'?",
    ),
    "an engine": (fleet(models__ears__engine="fkae"), "models.ears.engine: there is no 'fkae'; did you mean 'fake'?"),
    "a job": (fleet(jobs__corpus={**CORPUS, "quue": "a"}), "jobs.corpus.quue: unknown key; did you mean 'queue'?"),
    "an engine of a job": (
        fleet(jobs__corpus={**CORPUS, "engine": "fkae"}),
        "jobs.corpus.engine: there is no 'fkae'; did you mean 'fake'?",
    ),
    "an option of the engine": (
        fleet(models__ears__engineConfig={"dealy": 1}),
        "models.ears.engineConfig.dealy: unknown key; did you mean 'delay'?",
    ),
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_key_gets_the_nearest_right_one(name: str, call: Call) -> None:
    values, message = MISSPELT[name]
    assert message in str(call(values).exception)


def test_rules_across_keys_are_the_charts(call: Call) -> None:
    assert "overcommitted" in str(call(fleet(models__ears__gpu=0.6, models__ears__replicas=2)).exception)


def test_an_engine_must_know_its_task(call: Call) -> None:
    assert "/models/ears/engine" in str(call(fleet(models__ears__engine="vllm")).exception)


def test_later_files_go_over_earlier_ones_as_with_helm(call: Call) -> None:
    result = call([fleet(models__ears__engine="fkae"), {"models": {"ears": {"engine": "fake"}}}])
    assert not result.exit_code, result.output


def test_a_file_that_is_no_mapping_is_refused(call: Call, tmp_path: Path) -> None:
    listed = tmp_path / "list.yaml"
    listed.write_text("- a\n")
    assert "found no keys" in str(call(fleet(), None, f"-f{listed}").exception)


@pytest.mark.parametrize("environment", sorted(path.stem for path in VALUES.glob("*.yaml")))
def test_the_values_of_this_repository_have_a_plan(environment: str, call: Call) -> None:
    result = call({}, None, f"-f{VALUES / environment}.yaml")
    assert not result.exit_code, result.output


def test_only_one_thing_is_compared_with(call: Call) -> None:
    assert "--old and --live are both given" in str(call(fleet(), fleet(), "--live").exception)
