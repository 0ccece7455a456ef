"""`kubehop-packet [-protocol P] [-port N] [-timeout S] [-id TEXT] HOST`: one packet, explained.

Writes JSON objects, a line each, as soon as they are known: `{"type": "resolved", ...}` where
HOST is a name, `{"type": "sending", ...}` before the packet leaves, `{"type": "reply", ...}`.
Exit code 0 whatever became of the packet, 1 when there was none to send, 2 for wrong arguments.
"""

import json
import sys
import time
from collections.abc import Sequence

from nodeagent.workloads.flags import UsageError, parse_flags
from nodeagent.workloads.packet.names import look_up
from nodeagent.workloads.packet.sending import Sent, send

PROTOCOLS = ("TCP", "UDP", "ICMP")
_MAX_PORT = 65535
_MAX_TIMEOUT_S = 300.0


def main(args: Sequence[str]) -> int:
    flags, rest = parse_flags(args, {"protocol": "ICMP", "port": 0, "timeout": "5", "id": ""})
    if len(rest) != 1 or not rest[0]:
        raise UsageError("usage: kubehop-packet [-protocol P] [-port N] [-timeout SECONDS] HOST")
    protocol, port = str(flags["protocol"]).upper(), int(flags["port"])
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol {flags['protocol']!r} is none of {', '.join(PROTOCOLS)}")
    if protocol != "ICMP" and not 0 < port <= _MAX_PORT:
        raise UsageError(f"port {port} is not between 1 and {_MAX_PORT}")
    timeout_s = _timeout(str(flags["timeout"]))
    deadline = time.monotonic() + timeout_s
    found = look_up(rest[0], deadline)
    if found.by != "literal":
        _say({"type": "resolved", **found.as_json()})
    if not found.addresses:
        return 1
    payload = f"kubehop trace {flags['id']}".encode()
    left_s = max(0.1, deadline - time.monotonic())
    reply = send(protocol, found.addresses[0], port, payload, left_s, _announce)
    _say({
        "type": "reply",
        "outcome": reply.outcome,
        "text": reply.text,
        "sender": reply.sender,
        "ms": round(reply.ms, 3),
    })  # fmt: skip
    return 1 if reply.outcome == "failed" else 0


def _announce(sent: Sent) -> None:
    _say({
        "type": "sending",
        "protocol": sent.protocol,
        "source": sent.source,
        "sourcePort": sent.source_port,
        "destination": sent.destination,
        "destinationPort": sent.destination_port,
        "timeUnixNs": sent.time_unix_ns,
    })  # fmt: skip


def _timeout(text: str) -> float:
    try:
        timeout_s = float(text)
    except ValueError:
        raise UsageError(f'timeout "{text}" is not a number of seconds') from None
    if not 0 < timeout_s <= _MAX_TIMEOUT_S:
        raise UsageError(f"timeout must be above 0 and at most {_MAX_TIMEOUT_S:g} seconds")
    return timeout_s


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UsageError as error:
        print(f"kubehop-packet: {error}", file=sys.stderr)
        sys.exit(2)
