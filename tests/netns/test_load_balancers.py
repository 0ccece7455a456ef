"""The cloud's load balancers in a cluster of namespaces, with real packets from outside of it."""

import socket
from collections import Counter
from ipaddress import ip_address

import pytest
import yaml

from nodeagent.edges.netns import run_in_netns
from tests.support.kubectl import wait_until
from tests.support.load_balancers import (
    HOST,
    address_of,
    answer,
    deploy,
    events_of,
    fetch,
    headers_seen,
    service,
)
from tests.support.local_cluster import KUBEHOP, local_cluster
from tests.support.shop import pods_of

pytestmark = [pytest.mark.netns, pytest.mark.kubectl]

CLIENT = "172.18.0.1"
_FIRST, _LAST = ip_address("172.18.255.200"), ip_address("172.18.255.250")
_COULD_NOT_CONNECT, _TIMED_OUT = 7, 28


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_cluster("balanced", tmp_path_factory.mktemp("balanced")) as running:
        deploy(running.kubectl)
        yield running


@pytest.fixture
def kubectl(cluster):
    return cluster.kubectl


@pytest.fixture
def curl(cluster, monkeypatch):
    """From outside of the nodes."""
    monkeypatch.setenv("XDG_STATE_HOME", cluster.environment["XDG_STATE_HOME"])
    return [KUBEHOP, "outside", "--name", cluster.name, "--", "curl"]


def url_of(kubectl, name, kind="service"):
    return f"http://{address_of(kubectl, kind, name)}"


def test_a_command_outside_that_is_none_is_said(cluster):
    done = cluster.run("outside", "--", "no-such-program")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kubehop: cannot run no-such-program: No such file or directory\n"


def test_addresses_are_of_the_pool_and_say_how_they_work(kubectl):
    for name, mode in (("net", "VIP"), ("local", "VIP"), ("app", "Proxy")):
        (entry,) = kubectl.json("get", "service", name)["status"]["loadBalancer"]["ingress"]
        assert _FIRST <= ip_address(entry["ip"]) <= _LAST
        assert entry["ipMode"] == mode
        reasons = [reason for reason, _ in events_of(kubectl, name)]
        assert reasons[-2:] == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
    assert address_of(kubectl, "ingress", "shop") in kubectl("get", "ingress", "shop")


def test_a_network_load_balancer_reaches_every_pod(kubectl, curl):
    url = url_of(kubectl, "net")
    seen = Counter(answer(curl, f"{url}/hostname") for _ in range(16))
    assert set(seen) == set(pods_of(kubectl, "behind"))


def test_it_passes_datagrams(cluster, kubectl):
    address = address_of(kubectl, "service", "net")

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(10)
            asking.connect((address, 90))
            asking.send(b"hostname")
            return asking.recv(1000).decode()

    outside = f"/proc/{cluster.control_plane_pid()}/ns/net"
    assert run_in_netns(outside, ask) in pods_of(kubectl, "behind")


def test_policy_local_keeps_the_client_and_uses_nodes_with_pods_alone(kubectl, curl):
    url = url_of(kubectl, "local")
    for _ in range(8):
        assert answer(curl, f"{url}/clientip").startswith(f"{CLIENT}:")


def test_ports_that_the_service_has_not_stay_silent(kubectl, curl):
    done = fetch(curl, f"{url_of(kubectl, 'net')}:81/", "--connect-timeout", "1")
    assert done.returncode == _TIMED_OUT


def test_an_application_load_balancer_says_who_asked(kubectl, curl):
    url = url_of(kubectl, "app")
    assert headers_seen(curl, url, "-H", "X-Forwarded-For: 192.0.2.7") == {
        "X-Forwarded-For": f"192.0.2.7, {CLIENT}",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "80",
        "X-Forwarded-Host": url.removeprefix("http://"),
    }


def test_large_bodies_pass_both_ways(kubectl, curl, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"k" * 3_000_000)
    done = fetch(curl, f"{url_of(kubectl, 'app')}/upload", "-F", f"file=@{body}")
    assert done.returncode == 0, done.stderr
    echoed = answer(curl, f"{url_of(kubectl, 'net')}/echo?msg={'x' * 4000}")
    assert echoed.strip() == "x" * 4000


def test_an_ingress_leads_by_host_and_path(kubectl, curl):
    url = url_of(kubectl, "shop", "ingress")
    named = ("-H", f"Host: {HOST}")
    pods = set(pods_of(kubectl, "behind"))
    assert answer(curl, f"{url}/hostname", *named) in pods
    assert answer(curl, f"{url}/echo?msg=by-cluster-ip", *named).strip() == "by-cluster-ip"
    assert headers_seen(curl, url, *named)["X-Forwarded-Host"] == HOST
    unknown = fetch(curl, f"{url}/hostname", "-H", "Host: other.test")
    assert "404" in unknown.stderr


def test_pods_reach_it_too(kubectl):
    client = next(iter(pods_of(kubectl, "behind")))
    for name in ("net", "app"):
        url = f"{url_of(kubectl, name)}/hostname"
        seen = kubectl("exec", client, "--", "curl", "-sS", "--max-time", "5", url)
        assert seen in pods_of(kubectl, "behind")


@pytest.fixture
def made(kubectl):
    """Applies Services, and takes them away again."""
    names = []

    def make(name, **fields):
        names.append(name)
        kubectl.apply(yaml.safe_dump(service(name, **fields)))
        return name

    yield make
    for name in names:
        kubectl("delete", "service", name, "--ignore-not-found")


def test_a_requested_address_is_given_once(kubectl, curl, made):
    wanted = str(_LAST)
    made("first", loadBalancerIP=wanted)
    wait_until(lambda: address_of(kubectl, "service", "first") == wanted, "the address is given")
    assert answer(curl, f"http://{wanted}/hostname") in pods_of(kubectl, "behind")
    made("second", loadBalancerIP=wanted)
    problem = f"loadBalancerIP {wanted} is in use by Service default/first"
    wait_until(
        lambda: any(problem in text for _, text in events_of(kubectl, "second")), "it is refused"
    )
    assert address_of(kubectl, "service", "second") == ""
    kubectl("delete", "service", "first")
    wait_until(lambda: address_of(kubectl, "service", "second") == wanted, "it is free again")


def test_without_node_ports_and_of_another_class(kubectl, curl, made):
    made("portless", allocateLoadBalancerNodePorts=False)
    made("foreign", loadBalancerClass="example.com/other")
    wait_until(lambda: address_of(kubectl, "service", "portless"), "it has an address")
    assert "nodePort" not in kubectl.json("get", "service", "portless")["spec"]["ports"][0]
    assert answer(curl, f"{url_of(kubectl, 'portless')}/hostname") in pods_of(kubectl, "behind")
    assert address_of(kubectl, "service", "foreign") == ""


def test_source_ranges_keep_others_out(kubectl, curl, made):
    made("open", loadBalancerSourceRanges=["172.18.0.0/24"])
    made("closed", loadBalancerSourceRanges=["192.0.2.0/24"])
    for name in ("open", "closed"):
        wait_until(lambda of=name: address_of(kubectl, "service", of), f"{name} has an address")
    assert answer(curl, f"{url_of(kubectl, 'open')}/hostname") in pods_of(kubectl, "behind")
    done = fetch(curl, url_of(kubectl, "closed"), "--connect-timeout", "1")
    assert done.returncode == _TIMED_OUT


def test_a_kind_that_is_none_is_said(kubectl, made):
    made("odd", annotations={"kubehop.dev/load-balancer-type": "quantum"})
    wait_until(
        lambda: any("'quantum'" in text for _, text in events_of(kubectl, "odd")), "it is said"
    )


def test_a_service_that_is_no_longer_one_loses_its_address(kubectl, curl, made):
    made("former")
    wait_until(lambda: address_of(kubectl, "service", "former"), "it has an address")
    url = url_of(kubectl, "former")
    assert answer(curl, f"{url}/hostname")
    kubectl("patch", "service", "former", "-p", '{"spec":{"type":"ClusterIP"}}')
    wait_until(lambda: address_of(kubectl, "service", "former") == "", "the address is gone")
    assert fetch(curl, url, "--connect-timeout", "1").returncode != 0
