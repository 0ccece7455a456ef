"""`kubehop trace FROM TO`: one real packet, whatever becomes of it."""

import json
import subprocess
import time
from xml.etree import ElementTree

import pytest

from tests.support.local_cluster import local_cluster
from tests.support.shop import deploy_shop, pods_of

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

_UDP_ECHO = "agnhost netexec --http-port 8080 --udp-port 8081"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_cluster("traced", tmp_path_factory.mktemp("cluster"), "--nodes", "2") as running:
        deploy_shop(running.kubectl)
        running.kubectl("create", "service", "clusterip", "nobody", "--tcp=80:80")
        running.kubectl(
            "expose", "deployment/backend", "--name", "front", "--type", "NodePort", "--port", "80"
        )
        running.kubectl("run", "echo", "--image=agnhost", "--command", "--", *_UDP_ECHO.split())
        running.kubectl("wait", "--for=condition=Ready", "pod/echo", "--timeout=30s")
        yield running


@pytest.fixture(scope="module")
def places(cluster):
    """A backend on the frontend's node and one on the other, and the node port."""
    [(_, client)] = pods_of(cluster.kubectl, "frontend").items()
    backends = pods_of(cluster.kubectl, "backend")
    near = [name for name, place in backends.items() if place["node"] == client["node"]]
    far = [name for name, place in backends.items() if place["node"] != client["node"]]
    ports = cluster.kubectl.json("get", "service", "front")["spec"]["ports"]
    nodes = [item["metadata"]["name"] for item in cluster.kubectl.json("get", "nodes")["items"]]
    other = next(name for name in nodes if name != client["node"])
    return {
        "near": (near or [None])[0],
        "far": (far or [None])[0],
        "nodePort": ports[0]["nodePort"],
        "node": client["node"],
        "other": other,
    }


def trace(cluster, source, target, *options):
    found = cluster.run("trace", source, target, "-o", "json", *options)
    assert found.returncode in (0, 1, 2), found.stderr
    return found.returncode, json.loads(found.stdout)


def observations(document, direction="request"):
    return [
        (entry["node"], seen["component"], seen["action"])
        for entry in document["results"]
        for seen in entry["observations"]
        if seen.get("direction") == direction
    ]


def nodes_of(document):
    return [entry["node"] for entry in document["results"]]


def actions(document, direction="request"):
    return [action for _, _, action in observations(document, direction)]


@pytest.mark.parametrize("port", ["", ":80"])
def test_a_pod_on_another_node_is_reached_through_the_tunnel(cluster, places, port):
    if places["far"] is None:
        pytest.skip("both backends run on the frontend's node")
    code, found = trace(cluster, "deploy/frontend", f"pod/{places['far']}{port}")
    assert (code, found["outcome"]) == (0, "Delivered"), found["reason"]
    assert nodes_of(found) == [places["node"], places["other"]]
    assert actions(found)[-1] == "Delivered"
    assert actions(found, "reply").count("Delivered") == 1
    [sent] = [
        seen
        for seen in found["results"][0]["observations"]
        if seen.get("stage") == "encap" and seen["direction"] == "request"
    ]
    assert sent["outer"]["destinationPort"] == 4789
    assert sent["outer"]["sourcePort"] > 0
    assert sent["tunnelDstIP"] == sent["outer"]["destination"]
    times = [seen["timeUs"] for seen in found["results"][0]["observations"] if "timeUs" in seen]
    assert times == sorted(times)


def test_a_pod_on_the_same_node_is_reached_without_a_tunnel(cluster, places):
    own = pods_of(cluster.kubectl, "frontend")
    [name] = own
    code, found = trace(cluster, f"node/{places['node']}", f"pod/{name}")
    assert (code, found["outcome"]) == (0, "Delivered"), found["reason"]
    assert nodes_of(found) == [places["node"]]
    if places["near"] is not None:
        code, found = trace(cluster, "deploy/frontend", f"pod/{places['near']}:80")
        assert (code, nodes_of(found)) == (0, [places["node"]])


def test_a_service_by_name_shows_dns_and_the_chosen_backend(cluster):
    code, found = trace(cluster, "deploy/frontend", "backend:80")
    assert (code, found["outcome"]) == (0, "Delivered"), found["reason"]
    assert found["dns"]["questions"][0]["name"] == "backend.default.svc.cluster.local"
    balanced = [seen for seen in found["results"][0]["observations"] if seen["component"] == "LB"]
    assert "endpoint" in balanced[0]["why"]
    assert balanced[0]["translatedDstIP"].startswith("10.244.")


def test_udp_is_answered_or_refused(cluster):
    code, found = trace(cluster, "deploy/frontend", "echo:8081/udp")
    assert (code, found["outcome"]) == (0, "Delivered"), found["reason"]
    code, found = trace(cluster, "deploy/frontend", "echo:9/udp")
    assert (code, found["outcome"]) == (1, "Rejected"), found["reason"]
    assert "port unreachable" in found["reason"]
    assert actions(found, "reply"), "the ICMP error is the reply"


def test_a_closed_port_is_refused_with_a_reset(cluster):
    code, found = trace(cluster, "deploy/frontend", "pod/echo:81")
    assert (code, found["outcome"]) == (1, "Rejected")
    assert "a reset (RST)" in found["reason"]


def test_a_service_without_endpoints_rejects(cluster):
    code, found = trace(cluster, "deploy/frontend", "svc/nobody")
    assert (code, found["outcome"]) == (1, "Rejected")
    assert observations(found)[-1][1:] == ("LB", "Rejected")
    assert "no ready endpoint" in found["reason"]


def test_a_drop_ends_at_once_with_its_reason(cluster):
    started = time.monotonic()
    code, found = trace(cluster, "deploy/frontend", "10.96.250.250:80", "--timeout", "60")
    assert time.monotonic() - started < 30, "a dropped packet needs no timeout"
    assert (code, found["outcome"]) == (1, "Dropped")
    assert observations(found)[-1][1:] == ("Routing", "Dropped")
    assert "SERVICE_BACKEND_NOT_FOUND" in found["reason"]


def test_node_ports_from_everywhere(cluster, places):
    port = places["nodePort"]
    for source in ("deploy/frontend", f"node/{places['node']}", "outside"):
        code, found = trace(cluster, source, f"node/{places['other']}:{port}")
        assert (code, found["outcome"]) == (0, "Delivered"), (source, found["reason"])
        assert "Delivered" in actions(found), source
    code, found = trace(cluster, "outside", "svc/front")
    assert (code, found["outcome"]) == (0, "Delivered"), found["reason"]


def test_what_leaves_the_cluster_says_so(cluster):
    code, found = trace(cluster, "deploy/frontend", "203.0.113.7:80", "--timeout", "0.5")
    assert code == 1
    assert actions(found)[-1] == "ForwardedOutOfNetwork"
    assert "MarkedForSNAT" in actions(found)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("nobody", "svc/backend", 'pods "nobody" not found'),
        ("deploy/frontend", "pod/nobody:80", 'pods "nobody" not found'),
        ("deploy/frontend", "node/nobody:80", 'node "nobody" not found: there are traced-worker'),
        ("deploy/frontend", "svc/backend:nothing", "it has 80/TCP http"),
        ("deploy/frontend", "https://backend", "not https://"),
        ("outside", "svc/backend", "is of type ClusterIP"),
    ],
)
def test_what_cannot_run_ends_with_two_and_one_line(cluster, source, target, message):
    found = cluster.run("trace", source, target)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_name_that_nobody_knows_sends_nothing(cluster):
    found = cluster.run("trace", "deploy/frontend", "nosuchname:80")
    assert found.returncode == 2
    assert 'no address is known for "nosuchname"' in found.stdout
    assert "NXDOMAIN" in found.stdout


def test_a_live_flow_is_watched(cluster):
    arguments = ["trace", "deploy/frontend", "svc/backend", "--live", "--timeout", "30"]
    tracing = subprocess.Popen(
        [*_command(cluster, arguments[0]), *arguments[1:], "-o", "json"],
        env=cluster.environment,
        stdout=subprocess.PIPE,
    )
    while tracing.poll() is None:  # until one of them came after the nodes had begun to watch
        cluster.kubectl("exec", "deploy/frontend", "--", "kubehop-http-get", "http://backend")
    stdout, _ = tracing.communicate()
    found = json.loads(stdout)
    assert (tracing.returncode, found["outcome"]) == (0, "Delivered")
    assert found["packet"]["destinationPort"] == 80


def test_pictures_are_well_formed(cluster):
    drawn = cluster.run("trace", "deploy/frontend", "backend:80", "-o", "svg")
    assert ElementTree.fromstring(drawn.stdout).tag.endswith("svg")
    drawn = cluster.run("trace", "deploy/frontend", "svc/nobody", "-o", "mermaid")
    assert drawn.returncode == 1
    assert drawn.stdout.startswith("sequenceDiagram\n")
    assert "REJECTED" in drawn.stdout


def test_text_is_for_people(cluster):
    shown = cluster.run("trace", "deploy/frontend", "backend:80").stdout
    for words in ("Trace ", "by the sender's /etc/resolv.conf", "Request: TCP SYN", "Reply: ",
                  "conntrack entry SYN_SENT (new)", "Delivered: "):  # fmt: skip
        assert words in shown


def _command(cluster, name):
    from tests.support.local_cluster import KUBEHOP

    return [KUBEHOP, name, "--name", cluster.name]
