"""The kinds of kubehop's API, as Kubernetes 1.33 serves them.

Stored, validated and watched are all of them. What acts on them is in `controllers/`: a kind
without a controller there stays what a client wrote.
"""

from __future__ import annotations

from controlplane.api.resources import (
    ALL_VERBS,
    READ_WRITE,
    Resource,
    ResourceTable,
    Subresource,
)
from controlplane.api.schemas.admin_policies import GROUP, VERSION

_SCALE = Subresource("scale", "Scale", READ_WRITE, "autoscaling", "v1")
_CONNECT = ("create", "get")


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, READ_WRITE)


_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", _CONNECT),
    Subresource("binding", "Binding", ("create",)),
    Subresource("ephemeralcontainers", "Pod", READ_WRITE),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", _CONNECT),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", _CONNECT),
    _status("Pod"),
)


def _core(
    plural: str,
    kind: str,
    short: tuple[str, ...] = (),
    *,
    categories: tuple[str, ...] = (),
    subresources: tuple[Subresource, ...] = (),
    namespaced: bool = True,
    verbs: tuple[str, ...] = ALL_VERBS,
    has_generation: bool = False,
    deprecation: str = "",
) -> Resource:
    return Resource(
        "",
        "v1",
        plural,
        kind,
        kind.lower(),
        namespaced=namespaced,
        verbs=verbs,
        short_names=short,
        categories=categories,
        subresources=subresources,
        has_generation=has_generation,
        deprecation=deprecation,
    )


_WITHOUT_COLLECTION = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")
_CORE = (
    _core("configmaps", "ConfigMap", ("cm",)),
    _core(
        "endpoints",
        "Endpoints",
        ("ep",),
        deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
    _core("events", "Event", ("ev",)),
    _core("limitranges", "LimitRange", ("limits",)),
    _core(
        "namespaces",
        "Namespace",
        ("ns",),
        namespaced=False,
        verbs=_WITHOUT_COLLECTION,
        subresources=(Subresource("finalize", "Namespace", ("update",)), _status("Namespace")),
    ),
    _core("nodes", "Node", ("no",), namespaced=False, subresources=(_status("Node"),)),
    _core(
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        ("pvc",),
        subresources=(_status("PersistentVolumeClaim"),),
    ),
    _core(
        "persistentvolumes",
        "PersistentVolume",
        ("pv",),
        namespaced=False,
        subresources=(_status("PersistentVolume"),),
    ),
    _core("pods", "Pod", ("po",), categories=("all",), subresources=_POD_SUBRESOURCES),
    _core("podtemplates", "PodTemplate"),
    _core(
        "replicationcontrollers",
        "ReplicationController",
        ("rc",),
        categories=("all",),
        subresources=(_SCALE, _status("ReplicationController")),
        has_generation=True,
    ),
    _core("resourcequotas", "ResourceQuota", ("quota",), subresources=(_status("ResourceQuota"),)),
    _core("secrets", "Secret"),
    _core(
        "serviceaccounts",
        "ServiceAccount",
        ("sa",),
        subresources=(
            Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),
        ),
    ),
    _core(
        "services",
        "Service",
        ("svc",),
        categories=("all",),
        subresources=(_status("Service"),),
    ),
)


def _grouped(
    group: str,
    version: str,
    plural: str,
    kind: str,
    short: tuple[str, ...] = (),
    *,
    namespaced: bool = True,
    in_all: bool = False,
    status: bool = True,
    scale: bool = False,
    generation: bool = True,
    stored_as: str = "",
) -> Resource:
    subresources = (_SCALE,) if scale else ()
    if status:
        subresources = (*subresources, _status(kind))
    return Resource(
        group,
        version,
        plural,
        kind,
        kind.lower(),
        namespaced=namespaced,
        short_names=short,
        categories=("all",) if in_all else (),
        subresources=subresources,
        has_generation=generation,
        stored_as=stored_as,
    )


_WORKLOADS = (
    _grouped(
        "apps",
        "v1",
        "controllerrevisions",
        "ControllerRevision",
        status=False,
        generation=False,
    ),
    _grouped("apps", "v1", "daemonsets", "DaemonSet", ("ds",), in_all=True),
    _grouped("apps", "v1", "deployments", "Deployment", ("deploy",), in_all=True, scale=True),
    _grouped("apps", "v1", "replicasets", "ReplicaSet", ("rs",), in_all=True, scale=True),
    _grouped("apps", "v1", "statefulsets", "StatefulSet", ("sts",), in_all=True, scale=True),
    _grouped("batch", "v1", "cronjobs", "CronJob", ("cj",), in_all=True),
    _grouped("batch", "v1", "jobs", "Job", in_all=True),
    _grouped(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        ("hpa",),
        in_all=True,
        generation=False,
    ),
    _grouped(
        "autoscaling",
        "v1",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        ("hpa",),
        in_all=True,
        generation=False,
        stored_as="horizontalpodautoscalers.autoscaling",
    ),
    _grouped("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", ("pdb",)),
)


_NETWORK = (
    _grouped("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", status=False),
    _grouped("networking.k8s.io", "v1", "ingresses", "Ingress", ("ing",)),
    _grouped(
        "networking.k8s.io",
        "v1",
        "ingressclasses",
        "IngressClass",
        namespaced=False,
        status=False,
    ),
    _grouped(
        "networking.k8s.io",
        "v1",
        "ipaddresses",
        "IPAddress",
        ("ip",),
        namespaced=False,
        status=False,
        generation=False,
    ),
    _grouped(
        "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", ("netpol",), status=False
    ),
    _grouped(
        "networking.k8s.io",
        "v1",
        "servicecidrs",
        "ServiceCIDR",
        namespaced=False,
        generation=False,
    ),
)


_ADMIN_POLICIES = (
    _grouped(
        GROUP,
        VERSION,
        "adminnetworkpolicies",
        "AdminNetworkPolicy",
        ("anp",),
        namespaced=False,
    ),
    _grouped(
        GROUP,
        VERSION,
        "baselineadminnetworkpolicies",
        "BaselineAdminNetworkPolicy",
        ("banp",),
        namespaced=False,
    ),
)

_RBAC = "rbac.authorization.k8s.io"
_CLUSTER = (
    _grouped("coordination.k8s.io", "v1", "leases", "Lease", status=False, generation=False),
    _grouped(
        "events.k8s.io",
        "v1",
        "events",
        "Event",
        ("ev",),
        stored_as="events",
        status=False,
        generation=False,
    ),
    _grouped(
        _RBAC,
        "v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        namespaced=False,
        status=False,
        generation=False,
    ),
    _grouped(
        _RBAC,
        "v1",
        "clusterroles",
        "ClusterRole",
        namespaced=False,
        status=False,
        generation=False,
    ),
    _grouped(_RBAC, "v1", "rolebindings", "RoleBinding", status=False, generation=False),
    _grouped(_RBAC, "v1", "roles", "Role", status=False, generation=False),
    _grouped(
        "scheduling.k8s.io",
        "v1",
        "priorityclasses",
        "PriorityClass",
        ("pc",),
        namespaced=False,
        status=False,
    ),
    _grouped(
        "storage.k8s.io",
        "v1",
        "storageclasses",
        "StorageClass",
        ("sc",),
        namespaced=False,
        status=False,
        generation=False,
    ),
)


REVIEW_GROUPS = ("authentication.k8s.io", "authorization.k8s.io")
"""Their resources store nothing: a create is a question that is answered at once."""


def _reviews() -> list[Resource]:
    def review(group: str, kind: str, *, namespaced: bool = False) -> Resource:
        plural = f"{kind.lower()}s"
        return Resource(
            group, "v1", plural, kind, kind.lower(), namespaced=namespaced, verbs=("create",)
        )

    authentication, authorization = REVIEW_GROUPS
    return [
        review(authentication, "SelfSubjectReview"),
        review(authentication, "TokenReview"),
        review(authorization, "LocalSubjectAccessReview", namespaced=True),
        review(authorization, "SelfSubjectAccessReview"),
        review(authorization, "SelfSubjectRulesReview"),
        review(authorization, "SubjectAccessReview"),
    ]


def resource_table() -> ResourceTable:
    """Everything that the API serves."""
    return ResourceTable([*_CORE, *_WORKLOADS, *_NETWORK, *_ADMIN_POLICIES, *_CLUSTER, *_reviews()])


RESOURCES = resource_table()
