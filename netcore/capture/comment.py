"""What became of a captured packet, in one line: the words of the code that decided."""

from collections.abc import Iterable

from netcore.model.address import text
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Deliver, Drop, Encap, Reject, Reply, ToHost, Verdict


def comment(verdict: Verdict, hops: Iterable[Hop]) -> str:
    """As `FORWARDED to 10.244.1.3; service: web/http chose ... [KUBE-SVC-...]; ...`."""
    return "; ".join((headline(verdict), *map(_hop, hops)))


def headline(verdict: Verdict) -> str:
    """The verdict: Hubble's word for it, and where to or why."""
    match verdict:
        case Deliver(ip):
            return f"FORWARDED to pod {text(ip)}"
        case Encap(node_name, underlay):
            return f"FORWARDED into VXLAN to node {node_name} ({text(underlay)})"
        case ToHost():
            return "FORWARDED to the node's own network"
        case Drop(reason):
            return f"DROPPED {reason.name} ({reason.value})"
        case Reject(kind):
            return f"REJECTED {kind.value}"
        case Reply(answer):
            return f"ANSWERED {answer.value}"


def _hop(hop: Hop) -> str:
    return (
        f"{hop.stage.value}: {hop.why} [{hop.rule}]"
        if hop.rule
        else f"{hop.stage.value}: {hop.why}"
    )
