"""`make fuzz`: coverage-guided nonsense for every parser of foreign bytes on the packet path.

The first byte chooses the target. Whatever is not a PacketError, or leaves a frame uncounted,
ends the run with the input that did it.
"""

import sys

import atheris

with atheris.instrument_imports(include=["netcore", "nodeagent"]):
    from netcore.model.errors import PacketError
    from netcore.packet.coalesce import coalesce
    from netcore.packet.offload import OFFLOAD_HEADER_BYTES, parse_offload, with_offload
    from netcore.packet.packet import parse_packet
    from netcore.packet.vxlan import VXLAN_HEADER_BYTES, encode_vxlan
    from nodeagent.datapath.userspace.engine import Engine, Port
    from nodeagent.datapath.userspace.tunnel import Tunnel

import contextlib

from tests.datapath.backends import RecordingTap, RecordingTunnel
from tests.support.cluster import CLIENT, CLIENT_POD, cluster, from_node, from_pod, vtep_mac
from tests.support.frames import POD, POD_MAC

_VNI = 1
_DEFAULT_ARGUMENTS = ("-max_total_time=60", "-max_len=2048", "-rss_limit_mb=1024")


class _Tunnel(RecordingTunnel):
    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None:
        assert len(data) <= 65_507


def _engine() -> tuple[Engine, Port, Port]:
    host, pod, client = (RecordingTap(mac) for mac in (vtep_mac(1), POD_MAC, b"\x0a\x58" + CLIENT))
    engine = Engine(cluster(), Tunnel(_Tunnel(), _VNI, may_coalesce=False), host, vtep_mac(1))
    engine.add_pod((POD,), pod)
    engine.add_pod((CLIENT,), client)
    return engine, Port(from_pod(CLIENT_POD), "pod", client), Port(from_node(2), "tunnel", None)


_TUNNEL = Tunnel(RecordingTunnel(), _VNI, may_coalesce=True)
_OUT = memoryview(bytearray(70_000))


def _parse(data: bytes) -> None:
    frame = data[OFFLOAD_HEADER_BYTES:]
    if len(data) < OFFLOAD_HEADER_BYTES:
        return
    with contextlib.suppress(PacketError):
        with_offload(parse_packet(frame), frame, parse_offload(data))


def _handle(data: bytes) -> None:
    """Twice: decided, and by what is then cached. The second byte says which way it comes in."""
    engine, pod, peer = _engine()
    port = peer if data[:1] == b"\1" else pod
    for _ in range(2):
        buffer = bytearray(data[1:].ljust(OFFLOAD_HEADER_BYTES, b"\0"))
        if port is peer:
            buffer[:OFFLOAD_HEADER_BYTES] = bytes(OFFLOAD_HEADER_BYTES)
        before = sum(engine.counters.read().values())
        engine.handle(port, memoryview(buffer))
        assert sum(engine.counters.read().values()) > before


def _receive(data: bytes) -> None:
    width = int.from_bytes(data[:2], "big") or 1
    for header in (encode_vxlan(_VNI), b""):
        batch = memoryview(bytearray(header + data[2:]))
        for found in _TUNNEL._several(batch, width):
            assert isinstance(found, PacketError | memoryview)


def _coalesce(data: bytes) -> None:
    width = int.from_bytes(data[:2], "big") or 1
    coalesce(data[2:], VXLAN_HEADER_BYTES, width, _OUT)


_TARGETS = (_parse, _handle, _receive, _coalesce)


def one_input(data: bytes) -> None:
    if data:
        _TARGETS[data[0] % len(_TARGETS)](data[1:])


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *(sys.argv[1:] or _DEFAULT_ARGUMENTS)], one_input)
    atheris.Fuzz()
