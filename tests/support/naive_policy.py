"""NetworkPolicy judged straight from the API's words, slowly: what the compiled rows are held to.

Every function follows one sentence of the NetworkPolicy API reference. It reads manifests and
shares no code with netcore.
"""

from ipaddress import ip_address, ip_network
from typing import Any

Manifest = dict[str, Any]
"""Of a NetworkPolicy; pods are {"namespace", "labels", "ip", "ports"}, outsiders {"ip"}."""


def allows(policies, namespaces, source, target, protocol, port) -> bool:
    """ "For a connection from a source pod to a destination pod to be allowed, both the egress
    policy on the source pod and the ingress policy on the destination pod need to allow it."
    """
    return all(
        permits(policies, namespaces, direction, subject, peer, target, protocol, port)
        for direction, subject, peer in (
            ("Egress", source, target),
            ("Ingress", target, source),
        )
        if "namespace" in subject
    )


def permits(policies, namespaces, direction, subject, peer, target, protocol, port) -> bool:
    """An isolated pod may do what some policy allows; "by default, a pod is non-isolated"."""
    isolating = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == subject["namespace"]
        and direction in policy_types(policy["spec"])
        and selects(policy["spec"].get("podSelector", {}), subject["labels"])
    ]
    if not isolating:
        return True
    return any(
        rule_matches(rule, direction, policy, namespaces, peer, target, protocol, port)
        for policy in isolating
        for rule in policy["spec"].get(direction.lower()) or []
    )


def policy_types(spec):
    """ "If no policyTypes are specified then by default Ingress will always be set and Egress will
    be set if the policy has any egress rules."
    """
    if "policyTypes" in spec:
        return spec["policyTypes"]
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def rule_matches(rule, direction, policy, namespaces, peer, target, protocol, port) -> bool:
    """ "traffic which matches both the from and ports sections"; an empty or missing one matches
    everything.
    """
    peers = rule.get("from" if direction == "Ingress" else "to")
    ports = rule.get("ports")
    return (not peers or any(peer_matches(each, policy, namespaces, peer) for each in peers)) and (
        not ports or any(port_matches(each, target, protocol, port) for each in ports)
    )


def peer_matches(entry, policy, namespaces, peer) -> bool:
    """ipBlock; or a podSelector "in the policy's own namespace"; or a namespaceSelector, whose
    pods are all meant, or with a podSelector those.
    """
    if "ipBlock" in entry:
        address = ip_address(peer["ip"])
        inside = address in ip_network(entry["ipBlock"]["cidr"])
        return inside and not any(
            address in ip_network(cidr) for cidr in entry["ipBlock"].get("except") or []
        )
    if "namespace" not in peer:
        return False
    if "namespaceSelector" in entry:
        if not selects(entry["namespaceSelector"], namespaces[peer["namespace"]]):
            return False
    elif peer["namespace"] != policy["metadata"]["namespace"]:
        return False
    return selects(entry.get("podSelector", {}), peer["labels"])


def port_matches(entry, target, protocol, port) -> bool:
    """ "If not specified, this field defaults to TCP"; without a port "all port names and numbers";
    a name is one of the pod's; endPort: "the range of ports from port to endPort, inclusive".
    """
    if port is None or entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return (wanted, protocol, port) in target.get("ports", ())
    return wanted <= port <= entry.get("endPort", wanted)


def selects(selector, labels) -> bool:
    """ "The requirements are ANDed"; matchLabels are In with one value."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], expression.get("values") or []
        holds = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[expression["operator"]]:
            return False
    return True
