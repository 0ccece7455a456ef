"""Which kind has which strategy: one explicit table. A kind without an entry has no rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.schemas.admin_policies import GROUP as ADMIN_GROUP
from controlplane.api.strategies.admin_network_policy import AdminNetworkPolicyStrategy
from controlplane.api.strategies.autoscaler import AutoscalerStrategy
from controlplane.api.strategies.cluster_objects import (
    EventStrategy,
    NamespaceStrategy,
    NodeStrategy,
)
from controlplane.api.strategies.config_data import ConfigMapStrategy, SecretStrategy
from controlplane.api.strategies.cron_job import CronJobStrategy
from controlplane.api.strategies.daemon_set import DaemonSetStrategy
from controlplane.api.strategies.disruption_budget import DisruptionBudgetStrategy
from controlplane.api.strategies.endpoints import EndpointSliceStrategy, EndpointsStrategy
from controlplane.api.strategies.ingress import IngressStrategy
from controlplane.api.strategies.job import JobStrategy
from controlplane.api.strategies.network_policy import NetworkPolicyStrategy
from controlplane.api.strategies.pod import PodStrategy
from controlplane.api.strategies.replication_controller import ReplicationControllerStrategy
from controlplane.api.strategies.service import ServiceStrategy
from controlplane.api.strategies.stateful_set import (
    ControllerRevisionStrategy,
    StatefulSetStrategy,
)
from controlplane.api.strategies.volume_claim import PersistentVolumeClaimStrategy
from controlplane.api.strategies.workloads import DeploymentStrategy, ReplicaSetStrategy

if TYPE_CHECKING:
    from controlplane.api.strategy import Strategy


def strategies() -> dict[tuple[str, str], Strategy]:
    """The strategies by (group, kind), for a Registry."""
    return {
        ("", "ConfigMap"): ConfigMapStrategy(),
        ("", "Endpoints"): EndpointsStrategy(),
        ("", "Event"): EventStrategy(),
        ("", "Namespace"): NamespaceStrategy(),
        ("", "Node"): NodeStrategy(),
        ("", "PersistentVolumeClaim"): PersistentVolumeClaimStrategy(),
        ("", "Pod"): PodStrategy(),
        ("", "ReplicationController"): ReplicationControllerStrategy(),
        ("", "Secret"): SecretStrategy(),
        ("", "Service"): ServiceStrategy(),
        ("apps", "ControllerRevision"): ControllerRevisionStrategy(),
        ("apps", "DaemonSet"): DaemonSetStrategy(),
        ("apps", "Deployment"): DeploymentStrategy(),
        ("apps", "ReplicaSet"): ReplicaSetStrategy(),
        ("apps", "StatefulSet"): StatefulSetStrategy(),
        ("autoscaling", "HorizontalPodAutoscaler"): AutoscalerStrategy(),
        ("batch", "CronJob"): CronJobStrategy(),
        ("batch", "Job"): JobStrategy(),
        ("discovery.k8s.io", "EndpointSlice"): EndpointSliceStrategy(),
        ("events.k8s.io", "Event"): EventStrategy(),
        ("networking.k8s.io", "Ingress"): IngressStrategy(),
        ("networking.k8s.io", "NetworkPolicy"): NetworkPolicyStrategy(),
        ("policy", "PodDisruptionBudget"): DisruptionBudgetStrategy(),
        (ADMIN_GROUP, "AdminNetworkPolicy"): AdminNetworkPolicyStrategy(is_baseline=False),
        (ADMIN_GROUP, "BaselineAdminNetworkPolicy"): AdminNetworkPolicyStrategy(is_baseline=True),
    }
