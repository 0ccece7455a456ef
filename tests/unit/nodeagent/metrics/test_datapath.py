import pytest
from prometheus_client import CollectorRegistry, generate_latest

from netcore.model.change import Batch
from nodeagent.agent import Agent
from nodeagent.datapath.fake.datapath import FakeDatapath
from nodeagent.metrics.datapath import DatapathCollector
from tests.support.cluster import cluster
from tests.support.prometheus import samples, value

COUNTED = {
    "deliver_packets": 7, "deliver_bytes": 700,
    "encap_packets": 2, "encap_bytes": 200,
    "tohost_packets": 1, "tohost_bytes": 10,
    "drop_packets": 5, "drop_bytes": 50,
    "drop_policy_denied": 3, "drop_invalid_vni": 2, "drop_queue_full": 4,
    "drop_tunnel_queue_overflow": 6,
    "dropped POLICY_DENIED INGRESS TCP": 1, "dropped POLICY_DENIED INGRESS UDP": 1,
    "dropped POLICY_DENIED EGRESS TCP": 1,
    "reject_packets": 1, "reject_bytes": 60, "reject_port_unreachable": 1,
    "dropped SERVICE_BACKEND_NOT_FOUND EGRESS TCP": 1,
    "decided_packets": 9, "conntrack_entries": 11, "conntrack_limit": 131072,
    "conntrack_early_drops": 1, "tunnel_receive_errors": 1,
}  # fmt: skip


class CountingDatapath(FakeDatapath):
    counted = COUNTED

    def stats(self):
        return self.counted


@pytest.fixture
def agent():
    start = cluster()
    return Agent(start, CountingDatapath(start))


def scrape(agent):
    registry = CollectorRegistry()
    registry.register(DatapathCollector(agent))
    return samples(generate_latest(registry))


def test_what_was_forwarded_as_cilium_counts_it(agent):
    found = scrape(agent)
    assert value(found, "cilium_forward_count_total", direction="INGRESS") == 7
    assert value(found, "cilium_forward_count_total", direction="EGRESS") == 3
    assert value(found, "cilium_forward_bytes_total", direction="EGRESS") == 210


def test_what_was_dropped_and_why(agent):
    found = scrape(agent)
    drops = {
        (dict(labels)["reason"], dict(labels)["direction"]): count
        for (name, labels), count in found.items()
        if name == "cilium_drop_count_total"
    }
    assert drops == {
        ("Policy denied", "INGRESS"): 2,
        ("Policy denied", "EGRESS"): 1,
        ("Invalid VNI", "UNKNOWN"): 2,
        ("Queue full", "UNKNOWN"): 4,
        ("Tunnel queue overflow", "UNKNOWN"): 6,
        ("Service backend not found", "EGRESS"): 1,
    }
    assert value(found, "hubble_drop_total", reason="POLICY_DENIED", protocol="TCP") == 2
    assert value(found, "hubble_drop_total", reason="POLICY_DENIED", protocol="UDP") == 1
    assert value(found, "hubble_drop_total", reason="INVALID_VNI", protocol="Unknown") == 2
    processed = {"type": "Drop", "subtype": "Policy denied", "verdict": "DROPPED"}
    assert value(found, "hubble_flows_processed_total", **processed) == 3
    forwarded = {"type": "Trace", "subtype": "to-overlay", "verdict": "FORWARDED"}
    assert value(found, "hubble_flows_processed_total", **forwarded) == 2


def test_the_rest_is_kubehops_own(agent):
    agent.receive(Batch("e", 42, (), synced=True))
    found = scrape(agent)
    assert value(found, "kubehop_packets_total", verdict="deliver") == 7
    assert value(found, "kubehop_packet_bytes_total", verdict="reject") == 60
    assert value(found, "kubehop_decided_packets_total") == 9
    assert value(found, "kubehop_conntrack_entries") == 11
    assert value(found, "kubehop_conntrack_entries_limit") == 131072
    assert value(found, "kubehop_conntrack_early_drops_total") == 1
    assert value(found, "kubehop_snapshot_revision") == 42
    assert value(found, "kubehop_applied_revision") == 42
    assert value(found, "kubehop_node_ready") == 1
    assert value(found, "kubehop_pods") == 0
    assert value(found, "kubehop_snapshot_objects", kind="services") > 0


def test_a_datapath_without_any_counters_has_zeros(agent):
    agent.datapath.counted = {}
    found = scrape(agent)
    assert value(found, "cilium_forward_count_total", direction="INGRESS") == 0
    assert not [name for name, _ in found if name == "cilium_drop_count_total"]
