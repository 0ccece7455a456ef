"""DNS servers as pods: who selects them by their labels finds them."""

from controlplane.controllers.dns_pods import LABELS
from netcore.manifest.pods import pod_state
from tests.unit.controlplane.running import cluster

SPACE = "kube-system"


def beat(made, *, ready=True):
    made.shared.heartbeats.beat("dns", "coredns", "i", ready=ready, addresses=("172.18.0.3",))


def is_ready(pod):
    conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True"


async def test_a_server_is_a_pod_on_no_node():
    async with cluster() as made:
        beat(made)
        (pod,) = await made.eventually("pods", lambda p: p and is_ready(p[0]), SPACE)
        seen = pod_state(pod)
        assert (seen.namespace, seen.name, seen.node_name) == (SPACE, "coredns", "")
        assert (seen.labels, [str(ip) for ip in seen.ips]) == (LABELS, ["172.18.0.3"])
        assert {port.name for port in seen.named_ports} == {"dns", "dns-tcp", "metrics"}
        (endpoints,) = await made.eventually(
            "endpoints", lambda e: e and e[0].get("subsets"), SPACE
        )
        target = endpoints["subsets"][0]["addresses"][0]["targetRef"]
        assert (target["kind"], target["name"]) == ("Pod", "coredns")


async def test_it_is_as_ready_as_the_server_and_comes_back_when_deleted():
    async with cluster() as made:
        beat(made)
        (first,) = await made.eventually("pods", lambda p: p and is_ready(p[0]), SPACE)
        beat(made, ready=False)
        await made.eventually("pods", lambda p: not is_ready(p[0]), SPACE)
        beat(made)
        await made.client.delete("pods", "coredns", SPACE, grace_period_seconds=0)
        await made.eventually(
            "pods",
            lambda p: p and is_ready(p[0]) and p[0]["metadata"]["uid"] != first["metadata"]["uid"],
            SPACE,
        )


async def test_it_goes_with_the_server():
    async with cluster(grace_s=0.2) as made:
        beat(made)
        await made.eventually("pods", lambda p: p and is_ready(p[0]), SPACE)
        await made.eventually("pods", lambda p: not p, SPACE)
