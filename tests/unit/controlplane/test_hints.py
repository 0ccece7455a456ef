"""For whom an endpoint is."""

import pytest

from controlplane.controllers.hints import traffic_hints, wants_automatic_hints
from tests.unit.controlplane.objects import service

MODE = "service.kubernetes.io/topology-mode"
OLD_MODE = "service.kubernetes.io/topology-aware-hints"


def endpoint(ready=True, **fields):
    return {"conditions": {"ready": ready}, "zone": "a", "nodeName": "n1"} | fields


def annotated(distribution="PreferSameNode", **annotations):
    made = service(trafficDistribution=distribution)
    made["metadata"]["annotations"] = annotations
    return made


def test_a_service_that_asks_for_nothing_gets_no_hints():
    assert traffic_hints(service(), endpoint()) == {}
    assert traffic_hints(service(trafficDistribution="PreferFar"), endpoint()) == {}


def test_what_is_not_known_cannot_be_hinted():
    same_node = service(trafficDistribution="PreferSameNode")
    assert traffic_hints(same_node, endpoint(zone="")) == {"forNodes": [{"name": "n1"}]}
    assert traffic_hints(same_node, endpoint(nodeName="")) == {"forZones": [{"name": "a"}]}
    assert traffic_hints(service(trafficDistribution="PreferClose"), endpoint(zone="")) == {}


def test_who_is_not_ready_is_for_nobody():
    assert traffic_hints(service(trafficDistribution="PreferSameNode"), endpoint(False)) == {}


@pytest.mark.parametrize("mode", ["Auto", "auto"])
@pytest.mark.parametrize("name", [MODE, OLD_MODE])
def test_automatic_hints_are_not_made_and_come_before_the_field(name, mode):
    asking = annotated(**{name: mode})
    assert wants_automatic_hints(asking)
    assert traffic_hints(asking, endpoint()) == {}


def test_the_older_annotation_counts_more():
    assert not wants_automatic_hints(annotated(**{MODE: "Auto", OLD_MODE: "Disabled"}))
    assert not wants_automatic_hints(annotated(**{MODE: "Disabled"}))
    assert traffic_hints(annotated(**{MODE: "Disabled"}), endpoint())
