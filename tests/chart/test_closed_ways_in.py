"""Ways in from outside: none unasked, each to the service's own port alone."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

GATEWAY = {"name": "public", "namespace": "gateways"}
HOSTS = ["a.example.com", "b.example.com"]


def _ingress(**values: Any) -> dict[str, Any]:
    (found,) = render(fleet(ingress={"enabled": True, **values})).of("Ingress").values()
    return found


def _route(**values: Any) -> dict[str, Any]:
    (found,) = render(fleet(route={"enabled": True, "parentRefs": [GATEWAY], **values})).of("HTTPRoute").values()
    return found


def test_there_is_none_unasked(small: Rendered) -> None:
    assert not small.of("Ingress") | small.of("HTTPRoute")


@pytest.mark.parametrize("hosts", [[], HOSTS])
def test_an_ingress_leads_each_host_to_the_service_and_nowhere_else(hosts: list[str]) -> None:
    spec = _ingress(hosts=hosts)["spec"]
    service = {"service": {"name": "ai-inference-serve-svc", "port": {"number": 8000}}}
    assert [rule.get("host", "") for rule in spec["rules"]] == (hosts or [""])
    for rule in spec["rules"]:
        assert rule["http"] == {"paths": [{"path": "/", "pathType": "Prefix", "backend": service}]}
    assert not {"tls", "ingressClassName", "defaultBackend"} & set(spec)


def test_an_ingress_has_the_controller_the_certificate_and_the_annotations_of_the_values() -> None:
    annotations = {"cert-manager.io/cluster-issuer": "letsencrypt"}
    found = _ingress(className="nginx", hosts=HOSTS, tlsSecret="certificate", annotations=annotations)
    assert found["spec"]["ingressClassName"] == "nginx"
    assert found["spec"]["tls"] == [{"secretName": "certificate", "hosts": HOSTS}]
    assert found["metadata"]["annotations"] == annotations


def test_a_route_leads_to_the_service_but_for_what_rays_proxy_answers_itself() -> None:
    proxys_own, everything = _route()["spec"]["rules"]
    assert proxys_own == {"matches": [{"path": {"type": "PathPrefix", "value": "/-"}}]}
    assert everything["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert everything["backendRefs"] == [{"name": "ai-inference-serve-svc", "port": 8000}]


def test_a_route_has_the_gateway_the_names_the_time_and_the_annotations_of_the_values() -> None:
    found = _route(hostnames=HOSTS, timeout="0s", annotations={"a": "b"})
    assert (found["spec"]["parentRefs"], found["spec"]["hostnames"]) == ([GATEWAY], HOSTS)
    assert found["spec"]["rules"][1]["timeouts"] == {"request": "0s"}
    assert found["metadata"]["annotations"] == {"a": "b"}
