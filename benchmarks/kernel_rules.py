"""A flannel node as the commands that make it: bridge, kernel vxlan, kube-proxy's nftables.

Pure text, for `ip -batch`, `bridge -batch` and `nft -f`.
"""

from ipaddress import IPv4Network

from benchmarks.site import HTTP_PORT, POD_MTU, NodePlan, Plan

VNI = 1
VXLAN_PORT = 4789

_NFT = """
table ip kube-proxy {{
  map service-ips {{
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = {{ {service} . tcp . {port} : goto service-web }}
  }}
  chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips; }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain service-web {{ numgen random mod 1 vmap {{ 0 : goto endpoint-web }}; }}
  chain endpoint-web {{
    ip saddr {server} meta mark set meta mark or 0x4000
    meta l4proto tcp dnat to {server}:{port}
  }}
  chain nat-postrouting {{
    type nat hook postrouting priority srcnat;
    meta mark and 0x4000 == 0x4000 masquerade
    ip saddr {cluster} ip daddr {cluster} return
    ip saddr {cluster} ip daddr != 224.0.0.0/4 masquerade
  }}
}}
"""


def gateway(node: NodePlan) -> str:
    """The bridge's address: the first of the node's pod network."""
    return str(IPv4Network(node.pod_cidr)[1])


def vtep_mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


def node_links(plan: Plan, number: int) -> str:
    """`ip -batch` for the node of this index: cni0, flannel.1, and the way to its peer."""
    node, peer = plan.nodes[number], plan.nodes[1 - number]
    network, peer_network = IPv4Network(node.pod_cidr), IPv4Network(peer.pod_cidr)
    first = peer_network.network_address
    return "\n".join(
        (
            f"link add cni0 mtu {POD_MTU} type bridge",
            f"addr add {gateway(node)}/{network.prefixlen} dev cni0",
            "link set cni0 up",
            f"link add flannel.1 mtu {POD_MTU} address {vtep_mac(number)} type vxlan id {VNI}"
            f" local {node.underlay} dev eth0 dstport {VXLAN_PORT} nolearning",
            f"addr add {network.network_address}/32 dev flannel.1",
            "link set flannel.1 up",
            f"neigh add {first} lladdr {vtep_mac(1 - number)} dev flannel.1 nud permanent",
            f"route add {peer_network} via {first} dev flannel.1 onlink",
            "",
        )
    )


def node_fdb(plan: Plan, number: int) -> str:
    """`bridge -batch` for the node of this index: where its peer's VTEP is."""
    peer = plan.nodes[1 - number]
    return f"fdb add {vtep_mac(1 - number)} dev flannel.1 dst {peer.underlay} self permanent\n"


def pod_plug(device: str, pod_netns: str) -> str:
    """`ip -batch` in a node: a veth pair, one end on cni0, the other eth0 of the pod."""
    return (
        f"link add {device} mtu {POD_MTU} type veth"
        f" peer name eth0 mtu {POD_MTU} netns {pod_netns}\n"
        f"link set {device} master cni0 up\n"
    )


def pod_links(node: NodePlan, address: str) -> str:
    """`ip -batch` in a pod."""
    return (
        "link set lo up\n"
        f"addr add {address}/{IPv4Network(node.pod_cidr).prefixlen} dev eth0\n"
        "link set eth0 up\n"
        f"route add default via {gateway(node)}\n"
    )


def service_rules(plan: Plan) -> str:
    """`nft -f`: the ClusterIP as kube-proxy's nftables mode writes it."""
    cluster = IPv4Network(plan.nodes[0].pod_cidr).supernet(new_prefix=16)
    return _NFT.format(service=plan.service, server=plan.server, port=HTTP_PORT, cluster=cluster)
