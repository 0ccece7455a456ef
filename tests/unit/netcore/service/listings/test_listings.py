"""What the tools would print. The real ones read it in tests/netns/test_listings.py."""

import re

import pytest

from tests.support.listings import zoo_listings


def lines(mode: str, command: str, pattern: str) -> list[str]:
    """The lines in which `pattern` is found, stripped."""
    text = zoo_listings(mode)[command]
    return [line.strip() for line in text.splitlines() if re.search(pattern, line)]


def block(text: str, head: str) -> list[str]:
    """What stands in the braces after a line that begins with `head`."""
    found = re.search(rf"^\t{re.escape(head)}[^\n]*{{\n(.*?)^\t}}", text, re.M | re.S)
    assert found is not None, head
    return [line.strip() for line in found[1].splitlines()]


@pytest.mark.parametrize(
    ("mode", "commands"),
    [
        ("iptables", ["iptables-save", "ip6tables-save"]),
        ("ipvs", ["ipvsadm -Ln"]),
        ("nftables", ["nft list table ip kube-proxy", "nft list table ip6 kube-proxy"]),
        ("ebpf", ["cilium-dbg bpf lb list"]),
        ("none", []),
    ],
)
def test_each_mode_shows_itself_by_its_own_tool(mode, commands):
    assert list(zoo_listings(mode)) == commands


def test_iptables_endpoints_share_the_connections():
    rules = lines("iptables", "iptables-save", "default/web:http -> ")
    assert [re.search(r"--probability (\S+)", rule) for rule in rules][2] is None
    assert [line.split("-> ")[1].split('"')[0] for line in rules] == [
        "10.244.1.2:8080",
        "10.244.2.3:8080",
        "10.244.3.2:8080",
    ]
    assert "--probability 0.33333333349 " in rules[0]  # 715827883 / 2^31, as the kernel has it
    assert "--probability 0.50000000000 " in rules[1]


def test_iptables_affinity_is_looked_at_first():
    sticky = lines("iptables", "iptables-save", "-A KUBE-SVC-.*default/sticky-all:http -> ")
    assert ["--rcheck --seconds 600 --reap" in rule for rule in sticky] == [True] * 3 + [False] * 3
    assert len(lines("iptables", "iptables-save", "sticky-all:http.*--set")) == 3


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        ("cluster-ip-none", ["KUBE-SERVICES", "REJECT"]),
        ("inner-local-far", ["KUBE-SERVICES", "DROP"]),
        ("node-port-local-far", ["KUBE-EXTERNAL-SERVICES", "DROP"]),
        ("node-port-far", []),
    ],
)
def test_iptables_refuses_what_nobody_may_answer(service, refused):
    found = lines("iptables", "iptables-save", f"{service}:http has no .*-j (REJECT|DROP)")
    assert [word for rule in found for word in refused if word in rule] == refused
    assert bool(found) == bool(refused)


def test_iptables_short_circuits_pods_under_an_external_policy_of_local():
    rules = lines("iptables", "iptables-save", "-A KUBE-EXT-.*node-port-local-far:http")
    assert [rule.rsplit(" ", 1)[1][:8] for rule in rules] == ["KUBE-SVC", "KUBE-MAR", "KUBE-SVC"]
    assert rules[0].split()[2:4] == ["-s", "10.244.0.0/16"]


def test_iptables_source_ranges_are_a_firewall_of_their_own():
    chain = lines("iptables", "iptables-save", "-A KUBE-PROXY-FIREWALL.*balancer-all:http")
    assert "-d 172.18.255.200/32" in chain[0]
    name = chain[0].rsplit(" ", 1)[1]
    rules = lines("iptables", "iptables-save", f"-A {name} ")
    assert [(rule.split()[2:4], rule.split()[-1]) for rule in rules] == [
        (["-s", "192.0.2.0/24"], "RETURN"),
        (["-m", "comment"], "DROP"),
    ]


def test_nft_maps_lead_to_chains_that_are_there():
    for command, text in zoo_listings("nftables").items():
        wanted = set(re.findall(r"goto ([\w./-]+)", text)) | set(re.findall(r"jump (\S+)", text))
        chains = re.findall(r"^\tchain (\S+) {", text, re.M)
        assert wanted <= set(chains), command
        assert len(chains) == len(set(chains)), command


def test_nft_node_ports_lead_to_the_external_chain():
    text = zoo_listings("nftables")["nft list table ip kube-proxy"]
    pattern = r'(?<!\. )tcp \. \d+ comment "default/node-port-all:http" : goto ([^\s,]+)'
    (found,) = re.findall(pattern, text)
    assert block(text, f"chain {found} ") == [
        "jump mark-for-masquerade",
        f"goto {found.replace('external', 'service', 1)}",
    ]


def test_ipvs_has_a_virtual_server_for_each_address_of_a_node_port():
    text = zoo_listings("ipvs")["ipvsadm -Ln"]
    servers = re.findall(r"^(TCP|UDP)  (\S+):(3\d{4}) rr", text, re.M)
    assert {address for _, address, _ in servers} == {"172.18.0.11", "[fd00:172:18::11]"}
    assert "TCP  10.96.0.103:80 rr persistent 600\n" in text


def test_ipvs_without_endpoints_is_a_server_without_destinations():
    text = zoo_listings("ipvs")["ipvsadm -Ln"]
    assert re.search(r"^TCP  10\.96\.0\.51:80 rr\n(?!  ->)", text, re.M)


def test_cilium_slots_begin_with_the_master_entry():
    rows = lines("ebpf", "cilium-dbg bpf lb list", r"^10\.96\.0\.50:80/TCP ")
    (number,) = re.findall(r"0\.0\.0\.0:0 \((\d+)\)", rows[0])
    assert [" ".join(row.split()) for row in rows] == [
        f"10.96.0.50:80/TCP (0) 0.0.0.0:0 ({number}) (0) [ClusterIP, non-routable]",
        f"10.96.0.50:80/TCP (1) 10.244.1.2:8080/TCP ({number}) (1)",
        f"10.96.0.50:80/TCP (2) 10.244.2.3:8080/TCP ({number}) (2)",
        f"10.96.0.50:80/TCP (3) 10.244.3.2:8080/TCP ({number}) (3)",
    ]


@pytest.mark.parametrize(
    ("address", "flags"),
    [
        (r"172\.18\.255\.200:80", "LoadBalancer, check source-range"),
        (r"172\.18\.255\.201:80", "LoadBalancer, Local, two-scopes, sessionAffinity"),
        (r"10\.96\.0\.106:80", "ClusterIP, InternalLocal, non-routable"),
        (r"198\.51\.100\.7:80", "ExternalIPs"),
    ],
)
def test_cilium_flags(address, flags):
    (master,) = lines("ebpf", "cilium-dbg bpf lb list", rf"^{address}/TCP \(0\)")
    assert master.endswith(f"[{flags}]")
