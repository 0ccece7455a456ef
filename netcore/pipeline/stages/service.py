"""Service translation: an address of a Service becomes one of its endpoints (DNAT).

Source: Kubernetes pkg/proxy, of which the modes differ in how they find and choose; what they
translate, refuse and masquerade is the same.
"""

from netcore.model.address import authority, contains, is_loopback
from netcore.packet.protocols import PROTOCOLS_WITH_PORTS
from netcore.pipeline.context import FromPod, FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Drop, DropReason, Reject, RejectKind
from netcore.service.frontend import ANY_NODE, Backend, Frontend
from netcore.service.modes.base import Offer, choose_backend


def translate_service(passage: Passage) -> Drop | Reject | None:
    """Rewrite `passage.flow` when its destination is a Service; a verdict when that is the end.

    A Service without endpoints is refused at once. One whose policy is `Local` is not answered
    by a node without endpoints of its own (or refused, in modes that do so), nor one with source
    ranges for those outside of them. A port that a cluster IP has not is refused, in modes that
    do so.
    """
    if isinstance(passage.ctx.ingress, FromTunnel):
        return None  # translated where the connection began
    snapshot, flow = passage.snapshot, passage.flow
    owner = snapshot.service_addresses.get(flow.dst)
    if passage.is_fragment:
        if owner is None:
            return None
        _note(passage, "fragment", "its first fragment, which has the ports, is not known")
        return Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)
    own = snapshot.is_own_address(flow.dst)
    address = ANY_NODE[len(flow.dst)] if own else flow.dst
    frontend, visited = snapshot.rules.find((address, flow.protocol, flow.dst_port))
    if frontend is not None:
        return _translate(passage, frontend, visited)
    if own and _translate_host_port(passage):
        return None
    if owner is None or not snapshot.mode.refuses_unknown_ports:
        return None
    return _refuse_unknown_port(passage, owner)


def _translate(passage: Passage, frontend: Frontend, visited: int) -> Drop | Reject | None:
    snapshot, flow = passage.snapshot, passage.flow
    from_inside = isinstance(passage.ctx.ingress, FromPod) or snapshot.is_own_address(flow.src)
    refused = _refuse(passage, frontend, from_inside=from_inside)
    if refused is not None:
        return refused
    backends = frontend.pool(from_inside=from_inside)
    offer = Offer(
        frontend,
        backends,
        flow,
        passage.ctx.now_s,
        passage.ctx.balancing,
        passage.flows.load,
        passage.ctx.random_below,
    )
    choice = choose_backend(snapshot.mode, offer)
    after = flow._replace(dst=choice.backend.ip, dst_port=choice.backend.port)
    if passage.trace is not None:
        mode = snapshot.mode.name + (f" after {visited} rules" if visited > 1 else "")
        passage.hop(
            Stage.SERVICE,
            f"{frontend.kind.value} {frontend.name} {authority(flow.dst, flow.dst_port)}",
            f"{mode}, {choice.why}: {_shown(choice.backend)}",
            after,
        )
    passage.frontend, passage.balancing = frontend, choice.updates
    passage.masquerade_why = _masquerade_why(frontend, passage, from_inside=from_inside)
    passage.flow = after
    return None


def _translate_host_port(passage: Passage) -> bool:
    """Whether a pod of this node is behind the port, as CNI's portmap plugin has it."""
    snapshot, flow = passage.snapshot, passage.flow
    port = flow.protocol, flow.dst_port
    target = snapshot.host_ports.get((flow.dst, *port)) or snapshot.host_ports.get(
        (ANY_NODE[len(flow.dst)], *port)
    )
    if target is None:
        return False
    after = flow._replace(dst=target.ip, dst_port=target.port)
    if passage.trace is not None:
        why = f"pod {'/'.join(target.pod)} at {authority(target.ip, target.port)}"
        passage.hop(Stage.SERVICE, f"hostPort {authority(flow.dst, flow.dst_port)}", why, after)
    if is_loopback(flow.src):
        passage.masquerade_why = "came from a loopback address, which a pod cannot answer"
    passage.flow = after
    return True


def _refuse(passage: Passage, frontend: Frontend, *, from_inside: bool) -> Drop | Reject | None:
    ranges = frontend.source_ranges
    if ranges and not any(contains(network, passage.flow.src) for network in ranges):
        _note(passage, frontend.name, "the client is in none of loadBalancerSourceRanges")
        return Drop(DropReason.DENIED_BY_LB_SRC_RANGE_CHECK)
    if not frontend.backends and not frontend.local_backends:
        _note(passage, frontend.name, "the Service has no ready endpoint")
        return Reject(RejectKind.PORT_UNREACHABLE)
    if not frontend.pool(from_inside=from_inside):
        policy = "external" if frontend.is_external else "internal"
        why = f"{policy}TrafficPolicy is Local, and no endpoint is on this node"
        _note(passage, frontend.name, why)
        if passage.snapshot.mode.refuses_without_local_endpoints:
            return Reject(RejectKind.PORT_UNREACHABLE)
        return Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    return None


def _masquerade_why(frontend: Frontend, passage: Passage, *, from_inside: bool) -> str:
    """Why the endpoint must answer by way of this node; empty where it need not.

    Source: Kubernetes pkg/proxy/iptables/proxier.go (KUBE-EXT, KUBE-MARK-MASQ; for cluster IPs as
    with --cluster-cidr).
    """
    if not frontend.is_external:
        source = passage.flow.src
        is_pods = any(contains(cidr, source) for cidr in passage.snapshot.config.pod_cidrs)
        return "" if is_pods else "came to a cluster IP from outside of the pods' addresses"
    if not frontend.is_local_only:
        return f"came by {frontend.kind.value} with externalTrafficPolicy Cluster"
    if from_inside and not isinstance(passage.ctx.ingress, FromPod):
        return f"the node itself came by {frontend.kind.value}"
    return ""


def _shown(backend: Backend) -> str:
    target = f" ({'/'.join(backend.target)})" if backend.target else ""
    return f"{authority(backend.ip, backend.port)}{target}"


def _refuse_unknown_port(passage: Passage, owner: tuple[str, str]) -> Drop | Reject:
    name = "/".join(owner)
    if passage.flow.protocol not in PROTOCOLS_WITH_PORTS:
        _note(passage, name, "a cluster IP only carries the ports of its Service")
        return Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    _note(passage, name, f"the Service has no port {passage.flow.dst_port}")
    return Reject(RejectKind.PORT_UNREACHABLE)


def _note(passage: Passage, rule: str, why: str) -> None:
    if passage.trace is not None:
        passage.hop(Stage.SERVICE, rule, why)
