"""Frames for tests, and a check of every checksum in one that shares no code with netcore."""

from collections.abc import Sequence

from netcore.model.address import packed
from netcore.packet.ethernet import EthernetHeader
from netcore.packet.icmp import IcmpHeader
from netcore.packet.icmpv6 import Icmpv6Header
from netcore.packet.ipv4 import Ipv4Header
from netcore.packet.ipv6 import FragmentHeader, Ipv6Header
from netcore.packet.protocols import (
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    IPV6_FRAGMENT,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TCP_SYN,
)
from netcore.packet.sctp import SctpHeader
from netcore.packet.tcp import TcpHeader
from netcore.packet.udp import UdpHeader

POD_MAC = bytes.fromhex("0a580af40102")
NODE_MAC = bytes.fromhex("0a580af40101")
POD = packed("10.244.1.2")
PEER = packed("10.244.2.3")
POD6 = packed("fd00:10:244:1::2")
PEER6 = packed("fd00:10:244:2::3")


def tcp(
    src: bytes = POD,
    dst: bytes = PEER,
    sport: int = 40000,
    dport: int = 80,
    data: bytes = b"",
    *,
    flags: int = TCP_SYN,
    sequence: int = 0,
    acknowledgment: int = 0,
    options: bytes = b"",
    ttl: int = 64,
) -> bytearray:
    header = TcpHeader(sport, dport, sequence, acknowledgment, flags, 64240, options=options)
    header = header.with_checksum(src, dst, data)
    return ip(src, dst, PROTOCOL_TCP, header.encode() + data, ttl=ttl)


def udp(
    src: bytes = POD,
    dst: bytes = PEER,
    sport: int = 40000,
    dport: int = 53,
    data: bytes = b"",
    *,
    checksum: bool = True,
    dont_fragment: bool = False,
) -> bytearray:
    header = UdpHeader(sport, dport, 8 + len(data))
    if checksum:
        header = header.with_checksum(src, dst, data)
    return ip(src, dst, PROTOCOL_UDP, header.encode() + data, dont_fragment=dont_fragment)


def sctp(
    src: bytes = POD, dst: bytes = PEER, sport: int = 5000, dport: int = 9999, data: bytes = b"\1"
) -> bytearray:
    header = SctpHeader(sport, dport, 0xCAFE).with_checksum(data)
    return ip(src, dst, PROTOCOL_SCTP, header.encode() + data)


def icmp(
    src: bytes, dst: bytes, kind: int, code: int = 0, rest: int = 0, body: bytes = b""
) -> bytearray:
    """ICMP of the addresses' family."""
    if len(src) == 4:
        message = IcmpHeader(kind, code, rest).with_checksum(body).encode() + body
        return ip(src, dst, PROTOCOL_ICMP, message)
    message = Icmpv6Header(kind, code, rest).with_checksum(src, dst, body).encode() + body
    return ip(src, dst, PROTOCOL_ICMPV6, message)


def echo(
    src: bytes = POD, dst: bytes = PEER, identifier: int = 7, data: bytes = b"ping"
) -> bytearray:
    kind = 8 if len(src) == 4 else 128
    return icmp(src, dst, kind, rest=identifier << 16 | 1, body=data)


def ip(
    src: bytes,
    dst: bytes,
    protocol: int,
    payload: bytes,
    *,
    ttl: int = 64,
    dont_fragment: bool = True,
    more_fragments: bool = False,
    fragment_offset: int = 0,
    options: bytes = b"",
    identification: int = 0x1234,
) -> bytearray:
    """A frame from the pod; the keywords after `ttl` are IPv4's alone."""
    if len(src) == 16:
        header6 = Ipv6Header(src, dst, protocol, len(payload), ttl)
        return frame(ETHERTYPE_IPV6, header6.encode() + payload)
    header = Ipv4Header(
        src,
        dst,
        protocol,
        20 + len(options) + len(payload),
        ttl,
        identification=identification,
        dont_fragment=dont_fragment,
        more_fragments=more_fragments,
        fragment_offset=fragment_offset,
        options=options,
    )
    return frame(ETHERTYPE_IPV4, header.with_checksum().encode() + payload)


def fragment(
    src: bytes,
    dst: bytes,
    protocol: int,
    piece: bytes,
    offset: int,
    *,
    more: bool,
    identification: int = 7,
    ttl: int = 64,
) -> bytearray:
    """A part of a datagram, of the addresses' family."""
    if len(src) == 16:
        header = FragmentHeader(protocol, offset, more, identification).encode()
        return ip(src, dst, IPV6_FRAGMENT, header + piece, ttl=ttl)
    return ip(
        src,
        dst,
        protocol,
        piece,
        ttl=ttl,
        dont_fragment=False,
        more_fragments=more,
        fragment_offset=offset,
        identification=identification,
    )


def fragments(whole: bytes | bytearray, size: int, identification: int = 7) -> list[bytearray]:
    """What a sender makes of `whole` (no options or extensions): payloads of `size` bytes."""
    wide = whole[12:14] == b"\x86\xdd"
    at, width, start = (22, 16, 54) if wide else (26, 4, 34)
    src, dst = bytes(whole[at : at + width]), bytes(whole[at + width : at + 2 * width])
    payload, protocol = bytes(whole[start:]), whole[20 if wide else 23]
    return [
        fragment(
            *(src, dst, protocol, payload[offset : offset + size], offset),
            more=offset + size < len(payload),
            identification=identification,
        )
        for offset in range(0, len(payload), size)
    ]


def reassembled(parts: Sequence[bytes | bytearray]) -> bytearray:
    """The frame that fragments in their order were made of."""
    first = parts[0]
    if first[12:14] == b"\x86\xdd":
        payload = b"".join(bytes(part[62:]) for part in parts)
        return ip(bytes(first[22:38]), bytes(first[38:54]), first[54], payload)
    payload = b"".join(bytes(part[34:]) for part in parts)
    return ip(bytes(first[26:30]), bytes(first[30:34]), first[23], payload)


def frame(ethertype: int, payload: bytes) -> bytearray:
    return bytearray(EthernetHeader(NODE_MAC, POD_MAC, ethertype).encode() + payload)


def wrong_checksums(data: bytes | bytearray) -> list[str]:
    """The names of the checksums in an unfragmented frame (no IPv6 extensions) that are wrong."""
    if data[12:14] == b"\x08\x00":
        return wrong_ipv4_checksums(bytes(data[14:]))
    length = int.from_bytes(data[18:20], "big")
    pseudo = bytes(data[22:54])
    return _wrong_upper_checksums(data[20], bytes(data[54 : 54 + length]), pseudo)


def wrong_ipv4_checksums(packet: bytes) -> list[str]:
    size = (packet[0] & 15) * 4
    wrong = [] if _sum_of_words(packet[:size]) == 0xFFFF else ["IPv4 header"]
    end = int.from_bytes(packet[2:4], "big")
    return wrong + _wrong_upper_checksums(packet[9], packet[size:end], packet[12:20])


def _wrong_upper_checksums(protocol: int, message: bytes, ends: bytes) -> list[str]:
    if protocol == PROTOCOL_SCTP:
        stored = int.from_bytes(message[8:12], "little")
        computed = _crc32c_by_bits(message[:8] + bytes(4) + message[12:])
        return [] if stored == computed else ["SCTP"]
    if protocol == PROTOCOL_UDP and message[6:8] == b"\0\0":
        return []
    pseudo = ends + len(message).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    covered = message if protocol == PROTOCOL_ICMP else pseudo + message
    return [] if _sum_of_words(covered) == 0xFFFF else [f"protocol {protocol}"]


def _sum_of_words(data: bytes) -> int:
    """RFC 1071 as its section 4.1 has it."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _crc32c_by_bits(data: bytes) -> int:
    remainder = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            feedback = (remainder ^ byte >> bit) & 1
            remainder = remainder >> 1 ^ (0x82F63B78 if feedback else 0)
    return remainder ^ 0xFFFFFFFF
