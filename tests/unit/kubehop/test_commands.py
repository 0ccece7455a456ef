from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from controlplane.flags import parse as parse_control_plane
from coredns_emu.options import parse_options as parse_dns
from kubehop.local import commands
from kubehop.local.paths import ClusterPaths
from kubehop.local.spec import ClusterSpec, NodeSpec
from nodeagent.flags import parse_flags as parse_node

PATHS = ClusterPaths(Path("/state/shop"))
SPEC = ClusterSpec(
    "shop",
    (NodeSpec("shop-a", (("tier", "gold"), ("empty", "")), ("k=v:NoSchedule",)), NodeSpec("b")),
    pod_cidr="10.50.0.0/16",
    service_cidr="10.60.0.0/16",
)
DUAL = replace(SPEC, pod_cidr="10.50.0.0/16,fd00:1::/56", service_cidr="10.60.0.0/16,fd00:2::/112")
IPV6 = replace(SPEC, pod_cidr="fd00:1::/56", service_cidr="fd00:2::/112")


def flags(command):
    assert command.arguments[1:3] == ("-P", "-m")
    return list(command.arguments[4:])


def test_the_control_plane_understands_its_flags():
    command = commands.control_plane(SPEC, PATHS, 7001)

    options = parse_control_plane(flags(command))

    assert command.component == "controlplane"
    assert options.settings.cluster_name == "shop"
    assert options.settings.pod_cidrs == (ip_network("10.50.0.0/16"),)
    assert options.settings.service_cidrs == (ip_network("10.60.0.0/16"),)
    assert options.settings.server_url == "https://127.0.0.1:7001"
    assert options.settings.advertise_address == "172.18.0.2"
    assert options.settings.api_port == 6443
    assert options.api_listen == ("fd://3", "172.18.0.2:6443")
    assert options.kubeconfig_out == Path("/state/shop/kubeconfig")
    assert "127.0.0.1" in options.tls_san


def test_the_dns_server_understands_its_flags():
    options = parse_dns(flags(commands.dns(SPEC)))

    assert options.control_plane == "unix:rpc.sock"
    assert [address.fd for address in options.udp] == [3]
    assert [address.fd for address in options.tcp] == [4]
    assert [address.fd for address in options.metrics] == [5]


def test_an_agent_understands_its_flags():
    options = parse_node(flags(commands.node(SPEC, PATHS, 0)))

    assert options.node_name == options.instance_id == "shop-a"
    assert options.underlay_address == "172.18.0.11"
    assert options.rpc_listen == "172.18.0.11:7444"
    assert options.control_plane == "172.18.0.2:7443"
    assert options.node_labels == {"tier": "gold", "empty": ""}
    assert options.node_taints == ("k=v:NoSchedule",)
    assert options.state_dir == Path("/state/shop/data/shop-a")


def test_programs_of_a_dual_stack_cluster_understand_their_flags():
    control_plane = parse_control_plane(flags(commands.control_plane(DUAL, PATHS, 7001)))
    dns = parse_dns(flags(commands.dns(DUAL)))
    agent = parse_node(flags(commands.node(DUAL, PATHS, 0)))

    settings = control_plane.settings
    assert [cidr.version for cidr in settings.pod_cidrs] == [4, 6]
    assert (settings.node_cidr_mask_size, settings.node_cidr_mask_size_ipv6) == (24, 64)
    assert settings.advertise_address == "172.18.0.2"
    assert "[fc00:f853:ccd:e793::2]:6443" in control_plane.api_listen
    assert [address.fd for address in dns.udp] == [3, 6]
    assert [address.fd for address in dns.tcp] == [4, 7]
    assert list(map(str, dns.advertise)) == ["172.18.0.3", "fc00:f853:ccd:e793::3"]
    assert agent.underlay_address == "172.18.0.11,fc00:f853:ccd:e793::b"
    assert agent.rpc_listen == "172.18.0.11:7444"


def test_programs_of_an_ipv6_cluster_speak_ipv6():
    control_plane = parse_control_plane(flags(commands.control_plane(IPV6, PATHS, 7001)))
    agent = parse_node(flags(commands.node(IPV6, PATHS, 0)))

    assert control_plane.settings.advertise_address == "fc00:f853:ccd:e793::2"
    assert control_plane.rpc_listen[0] == agent.control_plane == "[fc00:f853:ccd:e793::2]:7443"
    assert agent.underlay_address == "fc00:f853:ccd:e793::b"
    assert agent.rpc_listen == "[fc00:f853:ccd:e793::b]:7444"


def test_agents_differ_where_they_must():
    first, second = (commands.node(SPEC, PATHS, index) for index in (0, 1))

    assert second.component == "b"
    assert not {"172.18.0.11:7444", "shop-a"} & set(second.arguments)
    assert first != second
