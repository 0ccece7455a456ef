"""What the control plane asks of a node's agent and is answered, without a wire format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ContainerTarget:
    """A container of a pod; an empty name is the first one."""

    namespace: str
    pod: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class ExecCommand:
    """A command to run in a container, or (`attach`) the wish to join its own streams."""

    target: ContainerTarget
    command: tuple[str, ...] = ()
    stdin: bool = False
    tty: bool = False
    attach: bool = False


@dataclass(frozen=True, slots=True)
class Stdin:
    """Bytes for the command."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StdinClosed:
    """No more bytes will come."""


@dataclass(frozen=True, slots=True)
class Resize:
    """The client's terminal has this size now, in characters."""

    width: int
    height: int


ExecInput = Stdin | StdinClosed | Resize


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that the command wrote."""

    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True, slots=True)
class Exit:
    """The command ended: the last output. With an `error` it could not even be started."""

    code: int
    error: str = ""


ExecOutput = Output | Exit


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which part of a container's log. -1 tail lines: all; 0 `since` and limit: none."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int = -1
    since_unix_ns: int = 0
    limit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DumpTable:
    """A table of a datapath as text."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DumpListing:
    """What a tool of the node's proxy mode would print."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Dump:
    """The tables that a node's datapath works with, at one revision of the network state."""

    revision: int
    tables: tuple[DumpTable, ...]
    listings: tuple[DumpListing, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """The ends of a packet. Ports are 0 where the protocol has none."""

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int


@dataclass(frozen=True, slots=True)
class Hop:
    """One stage of a packet's way. A flow is None where the agent gave none."""

    stage: str
    rule: str
    before: Flow | None
    after: Flow | None
    why: str
    time_unix_ns: int = 0


@dataclass(frozen=True, slots=True)
class OuterHeader:
    """What a tunnel puts around a frame, and the FDB's MAC for it."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    vni: int
    ttl: int
    destination_mac: str


@dataclass(frozen=True, slots=True)
class TrackedFlow:
    """The conntrack entry of a packet, as it was after it."""

    state: str
    is_new: bool
    is_reply: bool
    original: Flow
    reply: Flow
    service: str


@dataclass(frozen=True, slots=True)
class Missed:
    """So many packets passed too fast to be reported."""

    count: int


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that a node decided on."""

    node: str
    time_unix_ns: int
    ingress: str
    summary: str
    hops: tuple[Hop, ...]
    verdict: str
    verdict_detail: str
    ttl: int = 0
    outer: OuterHeader | None = None
    tracked: TrackedFlow | None = None


@dataclass(frozen=True, slots=True)
class FlowQuery:
    """Which of a node's flows. 0: no bound; `payloads`: DNS and HTTP ones, too."""

    since_unix_ns: int = 0
    until_unix_ns: int = 0
    last: int = 0
    only_new: bool = False
    follow: bool = False
    payloads: bool = False


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """A flow as a line of JSON, without its end."""

    time_unix_ns: int
    document: bytes


@dataclass(frozen=True, slots=True)
class FlowPart:
    """`lost` events were overwritten before these. `caught_up`: what comes now is new."""

    events: tuple[FlowEvent, ...]
    lost: int = 0
    caught_up: bool = False
