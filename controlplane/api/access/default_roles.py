"""Roles and bindings that every cluster has from its first second.

Source: Kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.
"""

from __future__ import annotations

from typing import Any

from controlplane.api.access.user import AUTHENTICATED, MASTERS, UNAUTHENTICATED

Object = dict[str, Any]
ROLES = "clusterroles.rbac.authorization.k8s.io"
BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_GROUP = "rbac.authorization.k8s.io"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]

_CORE = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "serviceaccounts",
    "services",
]
_APPS = [
    "daemonsets",
    "deployments",
    "deployments/scale",
    "replicasets",
    "replicasets/scale",
    "statefulsets",
    "statefulsets/scale",
]
_OTHERS = (
    ("autoscaling", ["horizontalpodautoscalers"]),
    ("batch", ["cronjobs", "jobs"]),
    ("networking.k8s.io", ["ingresses", "networkpolicies"]),
    ("policy", ["poddisruptionbudgets"]),
)
_STATUS = [
    "bindings",
    "events",
    "limitranges",
    "namespaces/status",
    "pods/log",
    "pods/status",
    "replicationcontrollers/status",
    "resourcequotas",
    "resourcequotas/status",
    "persistentvolumeclaims/status",
    "services/status",
]
_SECRET = [
    "pods/attach",
    "pods/exec",
    "pods/portforward",
    "pods/proxy",
    "secrets",
    "services/proxy",
]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
              "/readyz", "/version", "/version/"]  # fmt: skip
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_ISSUER = ["/.well-known/openid-configuration", "/openid/v1/jwks"]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _paths(paths: list[str]) -> list[Object]:
    return [{"nonResourceURLs": paths, "verbs": ["get"]}]


def _role(name: str, rules: list[Object], into: str = "") -> Object:
    labels = {**_LABELS, **({AGGREGATE + into: "true"} if into else {})}
    return {"metadata": {"name": name, "labels": labels}, "rules": rules}


def _aggregated(name: str, *from_: str) -> Object:
    """One whose rules are those of the ClusterRoles with these labels; a controller fills it."""
    role = _role(name, [])
    selectors = [{"matchLabels": {AGGREGATE + each: "true"}} for each in from_]
    return {**role, "aggregationRule": {"clusterRoleSelectors": selectors}}


def _with_label(role: Object, into: str) -> Object:
    role["metadata"]["labels"][AGGREGATE + into] = "true"
    return role


def _reading() -> list[Object]:
    found = [_rule("", [*_CORE, *_STATUS, "namespaces"], _READ), _rule("apps", _APPS, _READ)]
    found += [_rule(group, resources, _READ) for group, resources in _OTHERS]
    found.append(_rule("discovery.k8s.io", ["endpointslices"], _READ))
    return found


def _editing() -> list[Object]:
    found = [
        _rule("", _SECRET, _READ),
        _rule("", ["serviceaccounts"], ["impersonate"]),
        _rule("", [*_CORE, *_SECRET, "events", "pods/eviction", "serviceaccounts/token"], _WRITE),
        _rule("apps", [*_APPS, "deployments/rollback"], _WRITE),
        _rule("coordination.k8s.io", ["leases"], [*_READ, *_WRITE]),
    ]
    return found + [_rule(group, resources, _WRITE) for group, resources in _OTHERS]


def _administering() -> list[Object]:
    return [
        _rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
        _rule(_GROUP, ["rolebindings", "roles"], [*_READ, *_WRITE]),
    ]


def default_roles() -> list[Object]:
    """ClusterRoles."""
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    every_path = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    authorization, authentication = "authorization.k8s.io", "authentication.k8s.io"
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    delegator = [
        _rule(authentication, ["tokenreviews"], ["create"]),
        _rule(authorization, ["subjectaccessreviews"], ["create"]),
    ]
    return [
        _role("cluster-admin", [everything, every_path]),
        _aggregated("admin", "admin"),
        _with_label(_aggregated("edit", "edit"), "admin"),
        _with_label(_aggregated("view", "view"), "edit"),
        _role("system:aggregate-to-admin", _administering(), "admin"),
        _role("system:aggregate-to-edit", _editing(), "edit"),
        _role("system:aggregate-to-view", _reading(), "view"),
        _role("system:discovery", _paths(_DISCOVERY)),
        _role("system:monitoring", _paths(["/metrics", *_PUBLIC])),
        _role("system:public-info-viewer", _paths(_PUBLIC)),
        _role("system:service-account-issuer-discovery", _paths(_ISSUER)),
        _role("system:auth-delegator", delegator),
        _role(
            "system:basic-user",
            [
                _rule(authorization, reviews, ["create"]),
                _rule(authentication, ["selfsubjectreviews"], ["create"]),
            ],
        ),
    ]


def default_bindings() -> list[Object]:
    """ClusterRoleBindings."""
    return [
        _binding("cluster-admin", MASTERS),
        _binding("system:basic-user", AUTHENTICATED),
        _binding("system:discovery", AUTHENTICATED),
        _binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
        _binding("system:service-account-issuer-discovery", "system:serviceaccounts"),
        _binding("system:monitoring", "system:monitoring"),
    ]


def _binding(role: str, *groups: str) -> Object:
    return {
        "metadata": {"name": role, "labels": _LABELS},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _GROUP, "kind": "Group", "name": name} for name in groups],
    }
