"""Service translation: a cluster IP becomes one of its endpoints (DNAT)."""

from netcore.model.address import text
from netcore.packet.protocols import PROTOCOLS_WITH_PORTS
from netcore.pipeline.context import FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Drop, DropReason, Reject, RejectKind
from netcore.service.select import select_round_robin


def translate_service(passage: Passage) -> Drop | Reject | None:
    """Rewrite `passage.flow` when its destination is a Service; a verdict when that is the end.

    A Service without endpoints, or a port that it does not have, is refused at once; an
    address of the service range that belongs to no Service is dropped. Source: kube-proxy
    pkg/proxy/nftables (no-endpoint-services, cluster-ips).
    """
    if isinstance(passage.ctx.ingress, FromTunnel):
        return None  # translated where the connection began
    flow = passage.flow
    owner = passage.snapshot.service_addresses.get(flow.dst)
    if owner is None:
        return None
    if passage.is_fragment:
        _note(passage, "fragment", "its first fragment, which has the ports, is not known")
        return Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)
    frontend = passage.snapshot.frontends.get((flow.dst, flow.protocol, flow.dst_port))
    if frontend is None:
        return _refuse_unknown_port(passage, owner)
    backend = select_round_robin(frontend, passage.ctx.turns.get(frontend.key, 0))
    if backend is None:
        _note(passage, frontend.name, "the Service has no ready endpoint")
        return Reject(RejectKind.PORT_UNREACHABLE)
    after = flow._replace(dst=backend.ip, dst_port=backend.port)
    if passage.trace is not None:
        turn = passage.ctx.turns.get(frontend.key, 0) % len(frontend.backends) + 1
        target = f" ({'/'.join(backend.target)})" if backend.target else ""
        passage.hop(
            Stage.SERVICE,
            f"{frontend.name} {text(flow.dst)}:{flow.dst_port}",
            f"round robin chose endpoint {turn} of {len(frontend.backends)}: "
            f"{text(backend.ip)}:{backend.port}{target}",
            after,
        )
    passage.frontend = frontend
    passage.flow = after
    return None


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
