"""OpenAPI definitions of policy.networking.k8s.io/v1alpha1, which is not in Kubernetes' own.

Fields and limits are those of the network-policy-api project's CustomResourceDefinitions.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
GROUP, VERSION = "policy.networking.k8s.io", "v1alpha1"
_PREFIX = "io.k8s.networking.policy.v1alpha1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SELECTOR = _META + "LabelSelector"


def admin_policy_definitions() -> dict[str, Schema]:
    """All definitions of the group by name."""
    found = {
        **_kind("AdminNetworkPolicy", "Rules of a cluster's admin, before all NetworkPolicies."),
        **_kind("BaselineAdminNetworkPolicy", "What holds where no NetworkPolicy isolates a pod."),
        "Subject": _object("The pods that the policy is about.", **_PODS),
        "NamespacedPod": _object(
            "Pods that are selected in namespaces that are selected.",
            ("namespaceSelector", "podSelector"),
            namespaceSelector=_to(_SELECTOR),
            podSelector=_to(_SELECTOR),
        ),
        "IngressPeer": _object("Who asks: exactly one field.", **_PODS),
        "EgressPeer": _object(
            "Who is asked: exactly one field.",
            **_PODS,
            nodes=_to(_SELECTOR),
            networks=_list({"type": "string"}),
        ),
        "PortNumber": _object("A port by its number.", protocol=_TEXT, port=_NUMBER),
        "PortRange": _object(
            "The ports from start to end.", protocol=_TEXT, start=_NUMBER, end=_NUMBER
        ),
        "Port": _object(
            "A port of the pod that is asked: exactly one field.",
            portNumber=_own("PortNumber"),
            portRange=_own("PortRange"),
            namedPort=_TEXT,
        ),
        "IngressRule": _rule("from", "IngressPeer"),
        "EgressRule": _rule("to", "EgressPeer"),
    }
    return {_PREFIX + name: schema for name, schema in found.items()}


def _object(description: str, required: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    made: Schema = {"description": description, "type": "object", "properties": fields}
    return made | ({"required": list(required)} if required else {})


def _to(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _own(name: str) -> Schema:
    return _to(_PREFIX + name)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "format": "int32"}
_PODS: dict[str, Schema] = {"namespaces": _to(_SELECTOR), "pods": _own("NamespacedPod")}


def _rule(ends: str, peer: str) -> Schema:
    fields = {
        "name": _TEXT,
        "action": {**_TEXT, "description": "Allow, Deny or Pass (a baseline cannot Pass)."},
        ends: _list(_own(peer)),
        "ports": _list(_own("Port")),
    }
    return _object("What is done to connections with these peers, in order.", **fields)


def _kind(kind: str, description: str) -> dict[str, Schema]:
    spec = {
        "subject": _own("Subject"),
        "ingress": _list(_own("IngressRule")),
        "egress": _list(_own("EgressRule")),
    }
    if kind == "AdminNetworkPolicy":
        spec["priority"] = {**_NUMBER, "description": "0 to 1000, the lowest goes first."}
    whole = _object(
        description,
        ("metadata", "spec"),
        apiVersion=_TEXT,
        kind=_TEXT,
        metadata=_to(_META + "ObjectMeta"),
        spec=_own(f"{kind}Spec"),
        status=_own(f"{kind}Status"),
    )
    names = {"group": GROUP, "version": VERSION}
    items = {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "metadata": _to(_META + "ListMeta"),
        "items": _list(_own(kind)),
    }
    return {
        kind: {**whole, "x-kubernetes-group-version-kind": [{**names, "kind": kind}]},
        f"{kind}List": {
            **_object(f"A list of {kind}.", ("items",), **items),
            "x-kubernetes-group-version-kind": [{**names, "kind": f"{kind}List"}],
        },
        f"{kind}Spec": _object("What is wished.", **spec),
        f"{kind}Status": _object("What is so.", conditions=_list(_to(_META + "Condition"))),
    }
