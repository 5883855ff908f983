"""The alerts: each is sound by Prometheus's own checks, fires on what it is about, and is quiet otherwise."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from serve.cli import helm
from tests.prometheus import SERVICE, monitored, promtool, rules

ALERTS = {one["alert"]: one for one in yaml.safe_load((CHART / "alerts.yaml").read_text())}
DAY = 86400


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return {"series": f"ray_ai_inference_{name}{{{SERVICE}{more}}}", "values": values}


def buckets(**reached: int) -> list[dict[str, str]]:
    """How many more requests a minute took at most `t30` seconds and so on; `inf` has all."""
    names = {key: key.removeprefix("t").replace("inf", "+Inf") for key in reached}
    return [series("request_seconds_bucket", f"0+{more}x60", le=names[key], **WHISPER) for key, more in reached.items()]


def others(series_name: str, values: str, **labels: str) -> dict[str, str]:
    said = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{series_name}{{{said}}}", "values": values}


WHISPER = {"model": "whisper", "task": "stt"}
KNOWN = series("model_info", "1+0x60", rests="nothing", **WHISPER)
RESTING = series("model_info", "1+0x60", rests="replicas", model="idle", task="llm")
ANSWERS = series("model_available", "1+0x60", model="whisper", cause="ok")
GPU = {"accelerator": "big", "gpu": "0000:c5:00.0"}
OURS = {"exported_namespace": helm.NAMESPACE, "name": helm.RELEASE}
BUDGET = series("model_memory_budget_bytes", "100+0x60", model="whisper", **GPU)

FIRING: dict[str, list[dict[str, str]]] = {
    "ServiceAbsent": [],
    "ServiceNotReady": [
        others("kuberay_service_info", "1+0x60", **OURS),
        others("kuberay_service_condition_ready", "1+0x60", condition="false", **OURS),
    ],
    "UpgradeUnfinished": [
        others("kuberay_service_condition_upgrade_in_progress", "1+0x60", condition="true", **OURS),
    ],
    "ModelDown": [KNOWN, series("model_available", "0+0x60", model="whisper", cause="load")],
    "ModelErrors": [
        series("requests_total", "0+10x60", status="200", **WHISPER),
        series("requests_total", "0+1x60", status="503", **WHISPER),
    ],
    "ModelSlow": buckets(t60=9, t300=10, inf=10),
    "QueueGrows": [series("requests_waiting", "30+0x60", **WHISPER)],
    "MemoryOverBudget": [BUDGET, series("model_memory_used_bytes", "101+0x60", model="whisper", **GPU)],
    "GpuGone": [series("gpu_present", "1+0x5 0+0x60", **GPU)],
    "KeyExpires": [series("key_expires_seconds", f"{6 * DAY}+0x60", key="ada")],
    "CertificateExpires": [
        others("certmanager_certificate_expiration_timestamp_seconds", f"{6 * DAY}+0x60", name="tls",
                  exported_namespace=helm.NAMESPACE)
    ],
}  # fmt: skip
ALSO: dict[str, tuple[str, list[dict[str, str]]]] = {
    "a model that rests does not come when it is asked": (
        "ModelDown", [RESTING, series("circuit_open", " ".join(["1", "0", "1"] * 20), model="idle")]
    ),
    "the gateway fails": (
        "ModelErrors", [
            series("requests_total", "0+10x60", status="200", model="gateway", task="gateway"),
            series("requests_total", "0+1x60", status="503", model="gateway", task="gateway"),
        ]
    ),
    "cert-manager's own labels are kept": (
        "CertificateExpires", [
            others("certmanager_certificate_expiration_timestamp_seconds", f"{6 * DAY}+0x60", name="tls",
                   namespace=helm.NAMESPACE)
        ]
    ),
}  # fmt: skip
QUIET: dict[str, list[dict[str, str]]] = {
    "ServiceAbsent": [KNOWN],
    "ServiceNotReady": [
        others("kuberay_service_info", "1+0x60", **OURS),
        others("kuberay_service_condition_ready", "1+0x60", condition="true", **OURS),
        others("kuberay_service_info", "1+0x60", exported_namespace="other", name="ai-inference-2"),
    ],
    "UpgradeUnfinished": [
        others("kuberay_service_condition_upgrade_in_progress", "1+0x60", condition="false", **OURS),
    ],
    "ModelDown": [KNOWN, ANSWERS, RESTING],
    "ModelErrors": [
        series("requests_total", "0+100x60", status="200", **WHISPER),
        series("requests_total", "0+50x60", status="429", **WHISPER),
        series("requests_total", "0+1x60", status="503", **WHISPER),
    ],
    "ModelSlow": buckets(t30=10, t60=10, inf=10),
    "QueueGrows": [series("requests_waiting", " ".join(["0", "30"] * 30), **WHISPER)],
    "MemoryOverBudget": [BUDGET, series("model_memory_used_bytes", "99+0x60", model="whisper", **GPU)],
    "GpuGone": [series("gpu_present", "1+0x60", **GPU)],
    "KeyExpires": [series("key_expires_seconds", f"{8 * DAY}+0x60", key="ada")],
    "CertificateExpires": [
        others("certmanager_certificate_expiration_timestamp_seconds", f"{8 * DAY}+0x60", name="tls",
                  exported_namespace=helm.NAMESPACE)
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rules(monitored(), tmp_path_factory.mktemp("rules"))


def holds(
    file: Path, input_series: list[dict[str, str]], expr: str, found: list[dict[str, Any]], after: str = "45m"
) -> None:
    """After so long, by Prometheus's own tester."""
    question = {"expr": expr, "eval_time": after, "exp_samples": found}
    test = {"interval": "1m", "input_series": input_series, "promql_expr_test": [question]}
    case = file.with_name("case.yaml")
    case.write_text(yaml.safe_dump({"rule_files": [file.name], "evaluation_interval": "1m", "tests": [test]}))
    promtool("test", "rules", str(case))


def test_prometheus_takes_them(file: Path) -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", str(file))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_on_what_it_is_about(file: Path, alert: str) -> None:
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    holds(file, FIRING[alert], firing, [{"labels": "{}", "value": 1}])


@pytest.mark.parametrize("what", ALSO)
def test_an_alert_fires_on_more_than_one_sign(file: Path, what: str) -> None:
    alert, signs = ALSO[what]
    holds(file, signs, f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})', [{"labels": "{}", "value": 1}])


@pytest.mark.parametrize("alert", [name for name, rule in ALERTS.items() if "for" in rule])
def test_an_alert_waits_whether_it_passes(file: Path, alert: str) -> None:
    before = f"{int(ALERTS[alert]['for'].removesuffix('m')) - 1}m"
    holds(file, FIRING[alert], f'ALERTS{{alertname="{alert}",alertstate="firing"}}', [], before)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_quiet_while_all_is_well(file: Path, alert: str) -> None:
    holds(file, QUIET[alert], f'ALERTS{{alertname="{alert}"}}', [])


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_says_what_to_do(file: Path, alert: str) -> None:
    (rule,) = (one for one in yaml.safe_load(file.read_text())["groups"][0]["rules"] if one["alert"] == alert)
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page == yaml.safe_load((CHART / "values.yaml").read_text())["monitoring"]["rules"]["runbook"]
    there = CHART.parents[1] / "docs" / page.rpartition("/")[2]
    headings = re.findall(r"^### (.+)$", there.read_text(), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_limits_are_those_of_the_values(tmp_path: Path) -> None:
    changed = rules(monitored(rules__p99={"stt": 400}, rules__waiting=31, rules__errors=0.5, rules__days=5), tmp_path)
    for alert in ("ModelSlow", "QueueGrows", "ModelErrors", "KeyExpires", "CertificateExpires"):
        holds(changed, FIRING[alert], f'ALERTS{{alertname="{alert}"}}', [])


def test_nothing_of_an_alert_is_left_to_be_put_in(file: Path) -> None:
    text = re.sub(r"\$(labels|value)\b", "", file.read_text())
    assert "$" not in text
