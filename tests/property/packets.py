"""Hypothesis strategies for headers and frames."""

from hypothesis import strategies as st

from netcore.packet.arp import ArpHeader
from netcore.packet.ethernet import EthernetHeader
from netcore.packet.icmp import IcmpHeader
from netcore.packet.icmpv6 import Icmpv6Header, NeighborBody
from netcore.packet.ipv4 import Ipv4Header
from netcore.packet.ipv6 import FragmentHeader, Ipv6Header
from netcore.packet.sctp import SctpHeader
from netcore.packet.tcp import TcpHeader
from netcore.packet.udp import UdpHeader
from netcore.packet.vxlan import VxlanHeader
from tests.support import frames

u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
macs = st.binary(min_size=6, max_size=6)
ipv4 = st.binary(min_size=4, max_size=4)
ipv6 = st.binary(min_size=16, max_size=16)
payloads = st.binary(max_size=64)
options = st.integers(0, 10).flatmap(
    lambda words: st.binary(min_size=words * 4, max_size=words * 4)
)
fragment_offsets = st.integers(0, 0x1FFF).map(lambda units: units * 8)

ethernet_headers = st.builds(EthernetHeader, macs, macs, u16)
arp_headers = st.builds(ArpHeader, u16, macs, ipv4, macs, ipv4)
icmp_headers = st.builds(IcmpHeader, u8, u8, u32, u16)
icmpv6_headers = st.builds(Icmpv6Header, u8, u8, u32, u16)
neighbor_bodies = st.builds(NeighborBody, ipv6, st.just(b"") | macs, st.just(b"") | macs)
fragment_headers = st.builds(FragmentHeader, u8, fragment_offsets, st.booleans(), u32)
sctp_headers = st.builds(SctpHeader, u16, u16, u32, u32)
vxlan_headers = st.builds(VxlanHeader, st.integers(0, 0xFFFFFF))
tcp_headers = st.builds(
    TcpHeader, u16, u16, u32, u32, st.integers(0, 0xFFF), u16, u16, u16, options
)


@st.composite
def ipv4_packets(draw: st.DrawFn) -> tuple[Ipv4Header, bytes]:
    payload, chosen = draw(payloads), draw(options)
    header = Ipv4Header(
        draw(ipv4),
        draw(ipv4),
        draw(u8),
        20 + len(chosen) + len(payload),
        draw(u8),
        draw(u8),
        draw(u16),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(fragment_offsets),
        draw(u16),
        chosen,
    )
    return header, payload


@st.composite
def ipv6_packets(draw: st.DrawFn) -> tuple[Ipv6Header, bytes]:
    payload = draw(payloads)
    flow_label = draw(st.integers(0, 0xFFFFF))
    header = Ipv6Header(
        draw(ipv6), draw(ipv6), draw(u8), len(payload), draw(u8), draw(u8), flow_label
    )
    return header, payload


@st.composite
def udp_datagrams(draw: st.DrawFn) -> tuple[UdpHeader, bytes]:
    payload = draw(payloads)
    return UdpHeader(draw(u16), draw(u16), 8 + len(payload), draw(u16)), payload


@st.composite
def flows(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Source and destination of one family."""
    addresses = draw(st.sampled_from([ipv4, ipv6]))
    return draw(addresses), draw(addresses)


@st.composite
def valid_frames(draw: st.DrawFn) -> bytearray:
    """An unfragmented TCP, UDP, SCTP or echo frame with right checksums."""
    src, dst = draw(flows())
    sport, dport, data = draw(u16), draw(u16), draw(payloads)
    kind = draw(st.sampled_from(["tcp", "udp", "udp without checksum", "sctp", "echo"]))
    if kind == "tcp":
        return frames.tcp(src, dst, sport, dport, data, sequence=draw(u32), options=draw(options))
    if kind == "sctp":
        return frames.sctp(src, dst, sport, dport, data)
    if kind == "echo":
        return frames.echo(src, dst, sport, data)
    return frames.udp(src, dst, sport, dport, data, checksum=kind == "udp")
