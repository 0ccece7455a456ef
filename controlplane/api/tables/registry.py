"""Which kind is shown by which printer: the only place that names them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.schemas.admin_policies import GROUP
from controlplane.api.tables import cluster, network, workloads
from controlplane.api.tables.column import Cell, Column, Object, Printer, name, section
from controlplane.api.tables.pods import POD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def _name_and_creation(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), section(obj, "metadata").get("creationTimestamp")]


DEFAULT = Printer((Column("Name", format="name"), Column("Created At", "date")), _name_and_creation)
"""What any other kind is shown by."""

PRINTERS: Mapping[tuple[str, str], Printer] = {
    ("", "ConfigMap"): cluster.CONFIG_MAP,
    ("", "Endpoints"): network.ENDPOINTS,
    ("", "Event"): cluster.EVENT,
    ("", "Namespace"): cluster.NAMESPACE,
    ("", "Node"): cluster.NODE,
    ("", "Pod"): POD,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLER,
    ("", "Secret"): cluster.SECRET,
    ("", "Service"): network.SERVICE,
    ("", "ServiceAccount"): cluster.SERVICE_ACCOUNT,
    ("apps", "DaemonSet"): workloads.DAEMON_SET,
    ("apps", "Deployment"): workloads.DEPLOYMENT,
    ("apps", "ReplicaSet"): workloads.REPLICA_SET,
    ("apps", "StatefulSet"): workloads.STATEFUL_SET,
    ("batch", "CronJob"): workloads.CRON_JOB,
    ("batch", "Job"): workloads.JOB,
    ("coordination.k8s.io", "Lease"): cluster.LEASE,
    ("discovery.k8s.io", "EndpointSlice"): network.ENDPOINT_SLICE,
    ("events.k8s.io", "Event"): cluster.EVENT,
    ("networking.k8s.io", "Ingress"): network.INGRESS,
    ("networking.k8s.io", "IngressClass"): network.INGRESS_CLASS,
    ("networking.k8s.io", "NetworkPolicy"): network.NETWORK_POLICY,
    (GROUP, "AdminNetworkPolicy"): network.ADMIN_NETWORK_POLICY,
    (GROUP, "BaselineAdminNetworkPolicy"): network.BASELINE_POLICY,
    ("policy", "PodDisruptionBudget"): cluster.DISRUPTION_BUDGET,
    ("scheduling.k8s.io", "PriorityClass"): cluster.PRIORITY_CLASS,
}


def printer(group: str, kind: str) -> Printer:
    """The printer of a kind."""
    return PRINTERS.get((group, kind), DEFAULT)
