"""The headers around a VXLAN datagram, as the node's kernel puts them on the wire.

The agent hands payloads to a UDP socket; the kernel adds the rest. What it adds follows from the
socket: TTL 64, "don't fragment", and a UDP checksum over everything (Linux 6, a socket without
options). Only IPv4's identification, which has no meaning in such a packet (RFC 6864), is left 0.
"""

import struct

from netcore.packet.checksum import Buffer, internet_checksum, pseudo_header_sum
from netcore.packet.offload import UDP_CHECKSUM_OFFSET, complete_checksum
from netcore.packet.protocols import ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_UDP

NO_MAC = bytes(6)
_TTL = 64
_DONT_FRAGMENT = 0x4000
_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")


def open_udp_frame(
    macs: tuple[bytes, bytes], ips: tuple[bytes, bytes], ports: tuple[int, int], payload: Buffer
) -> tuple[bytes, int]:
    """An Ethernet frame around a UDP payload, and where its UDP header begins. Each pair is
    (source, destination), packed; the addresses are both of 4 or both of 16 bytes.

    The checksum is partial (see netcore.packet.offload): it holds the pseudo header's sum.
    """
    length = _UDP.size + len(payload)
    pseudo = pseudo_header_sum(*ips, PROTOCOL_UDP, length) % 0xFFFF
    upper = _UDP.pack(*ports, length, pseudo)
    source_mac, destination_mac = macs
    if len(ips[0]) == 16:
        ethernet = _ETHERNET.pack(destination_mac, source_mac, ETHERTYPE_IPV6)
        network = _IPV6.pack(6 << 28, length, PROTOCOL_UDP, _TTL, *ips)
    else:
        ethernet = _ETHERNET.pack(destination_mac, source_mac, ETHERTYPE_IPV4)
        network = _ipv4_header(ips, length)
    return b"".join((ethernet, network, upper, payload)), len(ethernet) + len(network)


def udp_frame(
    macs: tuple[bytes, bytes], ips: tuple[bytes, bytes], ports: tuple[int, int], payload: Buffer
) -> bytes:
    """The same with its checksum filled in."""
    frame, start = open_udp_frame(macs, ips, ports, payload)
    whole = bytearray(frame)
    complete_checksum(memoryview(whole), start, UDP_CHECKSUM_OFFSET, len(whole))
    return bytes(whole)


def _ipv4_header(ips: tuple[bytes, bytes], length: int) -> bytes:
    fields = (0x45, 0, _IPV4.size + length, 0, _DONT_FRAGMENT, _TTL, PROTOCOL_UDP)
    checksum = internet_checksum(_IPV4.pack(*fields, 0, *ips))
    return _IPV4.pack(*fields, checksum, *ips)
