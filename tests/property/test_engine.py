"""No bytes, however hostile, make the packet path raise, and every frame is accounted for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from netcore.model.errors import PacketError
from netcore.packet.offload import OFFLOAD_HEADER_BYTES, OffloadHeader
from netcore.packet.vxlan import encode_vxlan
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.tunnel import Tunnel
from tests.datapath.backends import RecordingTap, RecordingTunnel
from tests.property.packets import valid_frames
from tests.support.cluster import CLIENT, CLIENT_POD, WEB, cluster, from_node, from_pod, vtep_mac
from tests.support.frames import PEER, POD, POD_MAC, tcp, udp

VNI = 1
CLIENT_MAC = b"\x0a\x58" + CLIENT

ordinary = st.sampled_from(
    [
        tcp(CLIENT, POD, 4000, 80, b"data" * 10, flags=0x10),
        tcp(CLIENT, WEB, 4000, 80, b"data" * 900, flags=0x18),
        tcp(CLIENT, PEER, 4000, 80, b"", flags=0x11),
        udp(CLIENT, WEB, 4000, 53, b"question"),
        udp(CLIENT, PEER, 4000, 53, b"question" * 300),
    ]
)


@st.composite
def hostile_frames(draw: st.DrawFn) -> bytes:
    """Anything, or an ordinary frame with some bytes changed, cut off or added."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=200))
    frame = bytearray(draw(ordinary if kind > 1 else valid_frames()))
    frame[6:12] = CLIENT_MAC
    for _ in range(draw(st.integers(0, 4))):
        frame[draw(st.integers(0, min(len(frame) - 1, 70)))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(frame)))
    return bytes(frame[:cut] if draw(st.booleans()) else frame) + draw(st.binary(max_size=8))


offloads = st.just(OffloadHeader()) | st.builds(
    OffloadHeader,
    st.integers(0, 3),
    st.sampled_from([0, 1, 3, 4, 5, 0x81, 77]),
    st.integers(0, 100),
    st.sampled_from([0, 1, 7, 536, 1398, 0xFFFF]),
    st.sampled_from([0, 14, 34, 54, 60_000]),
    st.sampled_from([0, 6, 16, 60_000]),
)


def made() -> tuple[Engine, Port, Port]:
    host, pod, client = (RecordingTap(mac) for mac in (vtep_mac(1), POD_MAC, CLIENT_MAC))
    engine = Engine(cluster(), Tunnel(Batches(), VNI, may_coalesce=False), host, vtep_mac(1))
    engine.add_pod((POD,), pod)
    engine.add_pod((CLIENT,), client)
    return engine, Port(from_pod(CLIENT_POD), "pod", client), Port(from_node(2), "tunnel", None)


class Batches(RecordingTunnel):
    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None:
        assert len(data) <= 65_507


@given(st.lists(st.tuples(hostile_frames(), offloads, st.booleans()), min_size=1, max_size=6))
@settings(deadline=None)
def test_whatever_comes_in_is_counted_and_nothing_raises(arrivals):
    engine, client, peer = made()
    for frame, offload, by_tunnel in arrivals:
        header = bytes(OFFLOAD_HEADER_BYTES) if by_tunnel else offload.encode()
        before = sum(engine.counters.read().values())
        engine.handle(peer if by_tunnel else client, memoryview(bytearray(header + frame)))
        assert sum(engine.counters.read().values()) > before


@given(hostile_frames(), st.sampled_from([encode_vxlan(VNI), encode_vxlan(9), b"", b"\0" * 8]))
@settings(deadline=None)
def test_every_datagram_is_a_frame_or_a_refusal(frame, header):
    tunnel = Tunnel(RecordingTunnel(), VNI, may_coalesce=True)
    for batch, width in ((header + frame, 40), ((header + frame) * 3, len(header + frame) or 1)):
        for found in tunnel._several(memoryview(batch), width):
            assert isinstance(found, PacketError | memoryview)
