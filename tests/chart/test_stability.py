"""What a change may touch: a second Ray cluster needs every GPU twice, so no pod changes unasked."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from tests.helm import Rendered, fleet, render

CHANGES: list[dict[str, Any]] = [
    {"models__ears__gpu": 0.25},
    {"models__ears__enabled": False},
    {"models__ears__source": {"hub": "a/b"}},
    {"models__ears__engineConfig": {"delay": 1}},
    {"models__ears__replicas": {"min": 1, "max": 2}, "models__ears__gpu": 0.2},
    {"models__chat__accelerator": "small", "models__chat__gpu": 0.5},
    {
        "models__third": {
            "task": "rerank",
            "engine": "fake",
            "source": {"path": "/"},
            "accelerator": "small",
            "gpu": 0.1,
        }
    },
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: next(iter(changes)))
def test_a_change_of_models_changes_only_the_serve_configuration(small: Rendered, changes: dict[str, Any]) -> None:
    changed = render(fleet(**changes))
    assert changed.config != small.config
    assert _without_config(changed) == _without_config(small)


def _without_config(rendered: Rendered) -> dict[str, Any]:
    return {**rendered.service, "spec": {**rendered.service["spec"], "serveConfigV2": ""}}


def test_a_change_of_one_model_leaves_the_other_applications_and_the_gateways_args(small: Rendered) -> None:
    changed = render(fleet(models__ears__gpu=0.25))
    assert changed.applications["chat"] == small.applications["chat"]
    assert {**changed.applications["gateway"], "deployments": []} == {
        **small.applications["gateway"],
        "deployments": [],
    }


def test_a_new_accelerator_is_appended_and_leaves_the_others_as_they_were(small: Rendered) -> None:
    first_by_name = {"vendor": "xpu", "resource": "gpu.intel.com/xe", "memory": "8Gi", "order": 10}
    groups = render(fleet(accelerators__arc=first_by_name)).groups
    assert list(groups) == [*small.groups, "arc"]
    assert all(groups[name] == group for name, group in small.groups.items())


def test_a_new_version_of_the_chart_changes_no_pod(small: Rendered, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described | {"version": "9.9.9"}))
    newer = render(fleet(), chart=chart)
    assert newer.service["metadata"]["labels"]["helm.sh/chart"] == "ai-inference-9.9.9"
    assert newer.service["spec"] == small.service["spec"]
