"""A connection that a test asserts something about: one real packet, followed hop by hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.packet_traces import send_packet
from kubehop.kubernetes.pods import load_names
from kubehop.kubernetes.trace_ends import find_destination, find_source
from kubehop.policy.observation import observe
from kubehop.tracing.outcome import NOT_RUN, outcome
from kubehop.tracing.packet_text import packet_text
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.ends import Place, Target
    from kubehop.kubernetes.client import ApiClient
    from kubehop.policy.observation import Observation
    from kubehop.tracing.outcome import Outcome


class ConnectionFailed(AssertionError):
    """An assertion about a connection that does not hold. `trace` is the connection's,
    `explanation` what policies say of it; "" where they say nothing.
    """

    def __init__(self, message: str, trace: str, explanation: str = "") -> None:
        super().__init__(message)
        self.trace, self.explanation = trace, explanation


@dataclass(frozen=True, slots=True)
class Traced:
    """One packet and what became of it. `text` is what `kubehop trace` prints."""

    outcome: Outcome
    observed: Observation
    text: str

    @property
    def reached(self) -> bool:
        """Whether it was answered; a datagram: whether it was delivered."""
        return self.outcome.exit_code == 0

    def __str__(self) -> str:
        return self.text


def trace(
    client: ApiClient,
    source: Place,
    target: Target,
    timeout_s: float,
    outside: tuple[str, ...] = (),
) -> Traced:
    """Sends a packet. `outside`: the command that a client outside sends by; without one there
    is none. Raises KubehopError: nothing could be sent.
    """
    if source.kind == "outside" and not outside:
        raise KubehopError("outside: only a cluster that runs on this machine has such clients")
    sender = find_source(client, settled(client, source))
    to = find_destination(client, target, sender)
    found = send_packet(client, sender, to, timeout_s, outside)
    names = load_names(client)
    ended = outcome(found, names)
    if ended.exit_code == NOT_RUN:
        raise KubehopError(ended.sentence)
    text = "\n".join(packet_text(found, ended, names, every=False))
    return Traced(ended, observe(found, ended), text)


def why_not_reached(found: Traced, source: str, target: str) -> str:
    """Why the packet counts as one that does not get there; empty: it does."""
    if found.reached:
        return ""
    return f"{source} does not reach {target}: {found.outcome.sentence}"


def why_not_blocked(found: Traced, source: str, target: str, by: str | None) -> str:
    """Why the packet counts as one that no policy (or another than `by`) stops; empty: it does.

    That nobody listens, or that there is no such place, keeps nobody out.
    """
    sentence, policies = found.outcome.sentence, found.observed.policies
    if found.reached:
        return f"{source} reaches {target}: {sentence}"
    if found.observed.allowed is not False:
        return f"no policy blocks {source} -> {target}: {sentence}"
    if by is not None and by not in policies:
        return f"{source} -> {target} is blocked by {', '.join(policies)}, not by {by}"
    return ""
