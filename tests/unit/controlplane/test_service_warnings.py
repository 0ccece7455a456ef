"""What the writer of a Service is told."""

import pytest

from controlplane.api.strategies.service_warnings import service_warnings
from tests.unit.controlplane.test_service_validation import service

HEADLESS = {"clusterIP": "None", "clusterIPs": ["None"]}
MODE = "service.kubernetes.io/topology-mode"
HINTS = "service.kubernetes.io/topology-aware-hints"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        (HEADLESS, []),
        ({"externalIPs": ["192.0.2.1"], "sessionAffinity": "ClientIP"}, []),
        (
            {**HEADLESS, "externalIPs": ["192.0.2.1"], "sessionAffinity": "ClientIP"},
            [
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        (
            {**HEADLESS, "loadBalancerIP": "192.0.2.1"},
            ["spec.loadBalancerIP is ignored for headless services"],
        ),
        (
            {"externalName": "a"},
            ['spec.externalName is ignored when spec.type is not "ExternalName"'],
        ),
        (
            {"type": "ExternalName", "externalName": "a", "externalIPs": ["192.0.2.1"]},
            ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
        ),
    ],
)
def test_fields_without_effect(spec, expected):
    assert service_warnings(service(**spec)) == expected


def test_topology_by_annotation():
    assert service_warnings(service({MODE: "Disabled"})) == []
    (no_auto,) = service_warnings(service({MODE: "Auto"}))
    assert "use spec.trafficDistribution" in no_auto
    assert service_warnings(service({HINTS: "auto"})) == [
        f"annotation {HINTS} is deprecated, please use {MODE} instead",
        no_auto,
    ]


def test_a_kind_of_load_balancer_that_is_none():
    annotation = "kubehop.dev/load-balancer-type"
    assert service_warnings(service({annotation: "application"})) == []
    assert service_warnings(service({annotation: "appl"})) == [
        f'annotation {annotation}: "appl" is not network or application'
    ]
