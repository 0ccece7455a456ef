import re

from click.testing import CliRunner

from kubehop.cli import status
from netcore.model.offloads import ALL_OFFLOADS, TCP_OFFLOAD

FOUND = {
    "name": "one",
    "server": "https://127.0.0.1:1",
    "spec": {"proxy_mode": "ipvs"},
    "components": [{"name": "one-worker", "state": "running", "restarts": 0}],
}


def node(capabilities: str | None) -> dict:
    annotations = {} if capabilities is None else {"kubehop.dev/capabilities": capabilities}
    return {"metadata": {"name": "one-worker", "annotations": annotations}}


def test_offloads_that_a_kernel_lacks_are_named():
    lacking = ",".join(name for name in ALL_OFFLOADS if name != TCP_OFFLOAD)
    assert status._missing_offloads(node(f"vxlan,{lacking}")) == [TCP_OFFLOAD]
    assert status._missing_offloads(node(",".join(ALL_OFFLOADS))) == []


def test_a_node_without_an_agent_lacks_nothing():
    assert status._missing_offloads(node(None)) == []


def test_status_says_why_a_node_is_slow(monkeypatch):
    shown = {
        "name": "one-worker",
        "ready": True,
        "podCIDR": "10.244.0.0/24",
        "address": "172.18.0.11",
        "proxyMode": "ebpf",
    }
    monkeypatch.setattr(status, "running", lambda name: None)
    monkeypatch.setattr(status, "status", lambda name: FOUND)
    nodes = [{**shown, "missingOffloads": [TCP_OFFLOAD]}]
    monkeypatch.setattr(status, "_nodes", lambda paths, mode: (nodes, None))
    done = CliRunner().invoke(status.command, [])
    assert done.exit_code == 0
    assert re.search(r"PROXY MODE\n.* ebpf\n", done.output)
    assert "one-worker is slower than it could be" in done.output
    assert "tcp-segmentation-offload" in done.output
