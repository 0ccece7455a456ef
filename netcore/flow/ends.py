"""Who has an address, as far as flows tell it."""

from netcore.flow.identity import pod_identity
from netcore.flow.names import ReservedIdentity
from netcore.flow.record import FlowEnd, ServiceName
from netcore.forwarding.destinations import LocalPods, RemotePods, Unallocated
from netcore.model.pod import Pod
from netcore.pipeline.snapshot import Snapshot
from netcore.service.frontend import ANY_NODE

_API_SERVER = ("default", "kubernetes")


def flow_end(snapshot: Snapshot, address: bytes, pod: Pod | None) -> FlowEnd:
    """The pod that had the address, or who else has it now."""
    if pod is not None:
        return _pod_end(_latest(snapshot, pod))
    identity = _reserved(snapshot, address)
    labels = [identity]
    if _is_api_server(snapshot, address):
        identity = ReservedIdentity.KUBE_APISERVER
        labels = [identity, *labels]
    return FlowEnd(identity, labels=tuple(f"reserved:{each.label}" for each in labels))


def service_at(snapshot: Snapshot, address: bytes, protocol: int, port: int) -> ServiceName | None:
    """The Service that is reached there, by a cluster IP, a node port or from outside."""
    place = ANY_NODE[len(address)] if snapshot.is_own_address(address) else address
    frontend = snapshot.frontends.get((place, protocol, port))
    if frontend is not None:
        return ServiceName(frontend.service.namespace, frontend.service.name)
    owner = snapshot.service_addresses.get(address)
    return None if owner is None else ServiceName(*owner)


def _pod_end(pod: Pod) -> FlowEnd:
    labels = {**pod.labels, "io.kubernetes.pod.namespace": pod.namespace}
    return FlowEnd(
        pod_identity(pod.namespace, pod.labels),
        pod.namespace,
        pod.name,
        tuple(f"k8s:{key}={labels[key]}" for key in sorted(labels)),
    )


def _latest(snapshot: Snapshot, pod: Pod) -> Pod:
    """A pod that has just come is known without its labels for a moment."""
    now = snapshot.pods.get(pod.key)
    return now if now is not None and now.uid == pod.uid else pod


def _reserved(snapshot: Snapshot, address: bytes) -> ReservedIdentity:
    if snapshot.is_own_address(address):
        return ReservedIdentity.HOST
    if address in snapshot.nodes_by_underlay:
        return ReservedIdentity.REMOTE_NODE
    route = snapshot.routes.lookup(address)
    match route.target if route is not None else None:
        case RemotePods(node) if any(address == cidr[1].packed for cidr in node.pod_cidrs):
            return ReservedIdentity.REMOTE_NODE
        case LocalPods() | RemotePods() | Unallocated():
            return ReservedIdentity.UNMANAGED
        case _:
            return ReservedIdentity.WORLD


def _is_api_server(snapshot: Snapshot, address: bytes) -> bool:
    return any(
        address == known.packed
        for part in snapshot.slices_of(_API_SERVER)
        for endpoint in part.endpoints
        for known in endpoint.addresses
    )
