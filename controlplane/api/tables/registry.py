"""Which kind is shown by which printer: the only place that names them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.schemas.admin_policies import GROUP
from controlplane.api.tables import autoscaling, cluster, network, rbac, storage, workloads
from controlplane.api.tables.column import Cell, Column, Object, Printer, name, section
from controlplane.api.tables.pods import POD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def _name_and_creation(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), section(obj, "metadata").get("creationTimestamp")]


DEFAULT = Printer((Column("Name", format="name"), Column("Created At", "date")), _name_and_creation)
"""What any other kind is shown by."""

_RBAC = "rbac.authorization.k8s.io"
PRINTERS: Mapping[tuple[str, str], Printer] = {
    ("", "ConfigMap"): cluster.CONFIG_MAP,
    ("", "Endpoints"): network.ENDPOINTS,
    ("", "Event"): cluster.EVENT,
    ("", "LimitRange"): cluster.LIMIT_RANGE,
    ("", "Namespace"): cluster.NAMESPACE,
    ("", "Node"): cluster.NODE,
    ("", "PersistentVolume"): storage.VOLUME,
    ("", "PersistentVolumeClaim"): storage.CLAIM,
    ("", "Pod"): POD,
    ("", "PodTemplate"): workloads.POD_TEMPLATE,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLER,
    ("", "ResourceQuota"): cluster.QUOTA,
    ("", "Secret"): cluster.SECRET,
    ("", "Service"): network.SERVICE,
    ("", "ServiceAccount"): cluster.SERVICE_ACCOUNT,
    ("apps", "ControllerRevision"): workloads.CONTROLLER_REVISION,
    ("apps", "DaemonSet"): workloads.DAEMON_SET,
    ("apps", "Deployment"): workloads.DEPLOYMENT,
    ("apps", "ReplicaSet"): workloads.REPLICA_SET,
    ("apps", "StatefulSet"): workloads.STATEFUL_SET,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaling.AUTOSCALER,
    ("batch", "CronJob"): workloads.CRON_JOB,
    ("batch", "Job"): workloads.JOB,
    ("coordination.k8s.io", "Lease"): cluster.LEASE,
    ("discovery.k8s.io", "EndpointSlice"): network.ENDPOINT_SLICE,
    ("events.k8s.io", "Event"): cluster.EVENT,
    ("networking.k8s.io", "Ingress"): network.INGRESS,
    ("networking.k8s.io", "IngressClass"): network.INGRESS_CLASS,
    ("networking.k8s.io", "IPAddress"): network.IP_ADDRESS,
    ("networking.k8s.io", "NetworkPolicy"): network.NETWORK_POLICY,
    ("networking.k8s.io", "ServiceCIDR"): network.SERVICE_CIDR,
    (GROUP, "AdminNetworkPolicy"): network.ADMIN_NETWORK_POLICY,
    (GROUP, "BaselineAdminNetworkPolicy"): network.BASELINE_POLICY,
    ("policy", "PodDisruptionBudget"): cluster.DISRUPTION_BUDGET,
    (_RBAC, "ClusterRole"): rbac.ROLE,
    (_RBAC, "ClusterRoleBinding"): rbac.BINDING,
    (_RBAC, "Role"): rbac.ROLE,
    (_RBAC, "RoleBinding"): rbac.BINDING,
    ("scheduling.k8s.io", "PriorityClass"): cluster.PRIORITY_CLASS,
    ("storage.k8s.io", "StorageClass"): storage.STORAGE_CLASS,
}


def printer(group: str, kind: str) -> Printer:
    """The printer of a kind."""
    return PRINTERS.get((group, kind), DEFAULT)
