"""Where pods write the log of requests and send their spans."""

import pytest

from tests.helm import Rendered, fleet, render

GROUPS = ("head", "big", "small")


@pytest.mark.parametrize("group", GROUPS)
def test_requests_are_logged_to_the_pods_own_output_and_no_spans_are_made(small: Rendered, group: str) -> None:
    assert small.environment(group)["AI_INFERENCE_LOG"] == "/proc/1/fd/1"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in small.environment(group)


@pytest.mark.parametrize("group", GROUPS)
def test_spans_go_to_the_collector_that_is_named(group: str) -> None:
    rendered = render(fleet(monitoring__traces__endpoint="http://collector:4318"))
    assert rendered.environment(group)["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
