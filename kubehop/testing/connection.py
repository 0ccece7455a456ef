"""A connection that a test asserts something about: one real packet, followed hop by hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.ends import parse_source, parse_target
from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.packet_traces import send_packet
from kubehop.kubernetes.pods import load_names
from kubehop.kubernetes.trace_ends import find_destination, find_source
from kubehop.policy.observation import observe
from kubehop.tracing.outcome import NOT_RUN, outcome
from kubehop.tracing.packet_text import packet_text
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.observation import Observation
    from kubehop.tracing.outcome import Outcome


class ConnectionFailed(AssertionError):
    """An assertion about a connection that does not hold. `trace` is the connection's."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Traced:
    """`text` is what `kubehop trace` prints."""

    outcome: Outcome
    observed: Observation
    text: str

    @property
    def reached(self) -> bool:
        return self.outcome.exit_code == 0


def trace(client: ApiClient, source: str, target: str, namespace: str, timeout_s: float) -> Traced:
    """FROM and TO as for `kubehop trace`. Raises KubehopError: nothing could be sent."""
    place = settled(client, parse_source(source, namespace))
    wanted = parse_target(target, namespace)
    if place.kind == "outside":
        raise KubehopError("outside: a test sends from pods and nodes")
    sender = find_source(client, place)
    to = find_destination(client, wanted, sender)
    found = send_packet(client, sender, to, timeout_s)
    names = load_names(client)
    ended = outcome(found, names)
    if ended.exit_code == NOT_RUN:
        raise KubehopError(ended.sentence)
    text = "\n".join(packet_text(found, ended, names, every=False))
    return Traced(ended, observe(found, ended), text)


def check_reached(found: Traced, source: str, target: str) -> None:
    """Raises ConnectionFailed when the packet was not answered."""
    __tracebackhide__ = True
    if not found.reached:
        message = f"{source} does not reach {target}: {found.outcome.sentence}"
        raise ConnectionFailed(message, found.text)


def check_blocked(found: Traced, source: str, target: str, by: str | None) -> None:
    """Raises ConnectionFailed when the packet got through, or something else stopped it."""
    __tracebackhide__ = True
    sentence = found.outcome.sentence
    if found.reached:
        raise ConnectionFailed(f"{source} reaches {target}: {sentence}", found.text)
    if by is None:
        return
    if found.observed.allowed is not False:
        message = f"no policy blocks {source} -> {target}: {sentence}"
        raise ConnectionFailed(message, found.text)
    if by not in found.observed.policies:
        others = ", ".join(found.observed.policies)
        message = f"{source} -> {target} is blocked by {others}, not by {by}"
        raise ConnectionFailed(message, found.text)
