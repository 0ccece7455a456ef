"""The policies of the truth tables: every kind of peer with every kind of port, both ways."""

from itertools import product

X = "x"


def policy(spec, namespace=X, name="p"):
    return {
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"podSelector": {}} | spec,
    }


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


POD_A = {"matchLabels": {"pod": "a"}}
IN_Y = {"matchLabels": {"ns": "y"}}
PEERS = {
    "whoever": None,
    "empty-list": [],
    "own-pods": [{"podSelector": {}}],
    "pod-a": [{"podSelector": POD_A}],
    "namespace-y": [{"namespaceSelector": IN_Y}],
    "every-namespace": [{"namespaceSelector": {}}],
    "by-name": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "z"}}}],
    "pod-a-in-y": [{"namespaceSelector": IN_Y, "podSelector": POD_A}],
    "pod-a-or-y": [{"namespaceSelector": IN_Y}, {"podSelector": POD_A}],
    "in": [{"podSelector": expression("pod", "In", "a", "b"), "namespaceSelector": {}}],
    "not-in": [{"podSelector": expression("pod", "NotIn", "a"), "namespaceSelector": {}}],
    "exists": [{"podSelector": expression("tier", "Exists"), "namespaceSelector": {}}],
    "lacks": [{"podSelector": expression("tier", "DoesNotExist"), "namespaceSelector": {}}],
    "block": [{"ipBlock": {"cidr": "10.244.0.0/16"}}],
    "block6": [{"ipBlock": {"cidr": "fd00:10:244::/48", "except": ["fd00:10:244:1::/64"]}}],
    "block-except": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.1.0/24"]}}],
}
PORTS = {
    "every-port": None,
    "tcp-80": [{"port": 80}],
    "udp": [{"protocol": "UDP"}],
    "sctp-80": [{"protocol": "SCTP", "port": 80}],
    "range": [{"port": 80, "endPort": 81, "protocol": "UDP"}, {"port": "http"}],
}


def rule(ends, peers, ports):
    made = {} if peers is None else {ends: peers}
    return made if ports is None else made | {"ports": ports}


def _single():
    for (who, peers), (what, ports) in product(PEERS.items(), PORTS.items()):
        yield f"from-{who}-{what}", [policy({"ingress": [rule("from", peers, ports)]})]
        egress = {"policyTypes": ["Egress"], "egress": [rule("to", peers, ports)]}
        yield f"to-{who}-{what}", [policy(egress)]


def _others():
    yield "none", []
    yield "deny-ingress", [policy({})]
    yield "deny-egress", [policy({"policyTypes": ["Egress"]})]
    yield "deny-both", [policy({"policyTypes": ["Ingress", "Egress"]})]
    yield "deny-everywhere", [policy({}, namespace=space) for space in "xyz"]
    yield "no-types", [policy({"policyTypes": [], "ingress": []})]
    yield "egress-without-its-type", [policy({"egress": [rule("to", None, [{"port": 81}])]})]
    yield "types-without-egress", [policy({"policyTypes": ["Ingress"], "egress": []})]
    yield "one-pod", [policy({"podSelector": POD_A})]
    yield "selects-nobody", [policy({"podSelector": {"matchLabels": {"pod": "q"}}})]
    from_y = {"ingress": [rule("from", PEERS["namespace-y"], [{"port": 80}])]}
    from_z = {"ingress": [rule("from", PEERS["by-name"], [{"port": 81}])]}
    yield "union", [policy(from_y, name="one"), policy(from_z, name="two")]
    yield "union-of-rules", [policy({"ingress": from_y["ingress"] + from_z["ingress"]})]
    out_to_y = {"policyTypes": ["Egress"], "egress": [rule("to", PEERS["namespace-y"], None)]}
    yield "both-ends", [policy(out_to_y), policy(from_y, namespace="y", name="in")]
    yield "deny-then-allow", [policy({}, name="deny"), policy(from_y, name="allow")]


CASES = {**dict(_single()), **dict(_others())}
