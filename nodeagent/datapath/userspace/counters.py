"""Counters of the packet path: plain integers, written by one thread."""

from collections import defaultdict

from netcore.flow.build import drop_cause
from netcore.packet.protocols import protocol_name
from netcore.pipeline.context import FromPod, Ingress
from netcore.pipeline.verdict import Decision, Drop, Reject, Verdict
from nodeagent.datapath.base import DROPPED


def counter_names(verdict: Verdict) -> tuple[str, str]:
    """The counters of packets and bytes with this verdict."""
    name = type(verdict).__name__.lower()
    return f"{name}_packets", f"{name}_bytes"


class Counters:
    """Packets and bytes by verdict, drops and rejects by reason."""

    def __init__(self) -> None:
        self._values: defaultdict[str, int] = defaultdict(int)

    def verdict(self, verdict: Verdict, size_bytes: int) -> None:
        self.add(counter_names(verdict), size_bytes)
        match verdict:
            case Drop(reason):
                self._values[f"drop_{reason.name.lower()}"] += 1
            case Reject(kind):
                self._values[f"reject_{kind.name.lower()}"] += 1
            case _:
                pass

    def dropped(
        self, verdict: Drop | Reject, ingress: Ingress, protocol: int, decision: Decision
    ) -> None:
        """Once more by whose direction it was and by protocol: `dropped REASON DIRECTION PROTOCOL`.

        The direction is that of the policy that denied; else from a pod is egress. A reject has
        the reason that Hubble has for it.
        """
        judgements = decision.judgements if decision.verdict == verdict else ()
        denial = next((each for each in judgements if not each.allowed), None)
        reason = drop_cause(verdict, denial).name
        if denial is not None:
            direction = denial.direction.value.upper()
        else:
            direction = "EGRESS" if isinstance(ingress, FromPod) else "INGRESS"
        self._values[f"{DROPPED}{reason} {direction} {protocol_name(protocol)}"] += 1

    def add(self, names: tuple[str, str], size_bytes: int) -> None:
        """One more packet of that size, counted by what `counter_names` gave."""
        packets, size = names
        self._values[packets] += 1
        self._values[size] += size_bytes

    def count(self, name: str, amount: int = 1) -> None:
        self._values[name] += amount

    def read(self) -> dict[str, int]:
        return dict(self._values)
