"""Lines of recorded flows for tests, as `kubehop observe -o json` writes them."""

_NAMES = {6: "TCP", 17: "UDP", 132: "SCTP", 1: "ICMPv4", 58: "ICMPv6"}


def line(node, src, dst, port=0, *, protocol=6, source=None, target=None, **fields):
    """The first packet of a connection, forwarded; `source` and `target` are pods, ns/name."""
    name = _NAMES[protocol]
    layer4 = {"source_port": 40000, "destination_port": port} if port else {"type": 8}
    if name == "TCP":
        layer4["flags"] = {"SYN": True}
    flow = {
        "node_name": node,
        "time": "2030-01-01T00:00:00.000000000Z",
        "verdict": "FORWARDED",
        "Type": "L3_L4",
        "event_type": {"type": 4},
        "is_reply": False,
        "IP": {"source": src, "destination": dst, "ipVersion": "IPv4"},
        "l4": {name: layer4},
        "source": _end(source),
        "destination": _end(target),
        "trace_observation_point": "TO_ENDPOINT",
        **fields,
    }
    return {"flow": flow, "node_name": node, "time": flow["time"]}


def _end(pod):
    if pod is None:
        return {"labels": ["reserved:world"]}
    namespace, _, name = pod.partition("/")
    return {"namespace": namespace, "pod_name": name}
