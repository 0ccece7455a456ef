"""A reply, and its bytes as they fit what the client takes.

Sections hold dnslib RRs, without the OPT record: that one is the client's own, sent back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dnslib import QTYPE, RR, DNSBuffer, DNSError, DNSLabel, DNSRecord

from coredns_emu.query import (
    FLAG_AA,
    FLAG_AD,
    FLAG_CD,
    FLAG_QR,
    FLAG_RA,
    FLAG_RD,
    FLAG_TC,
    HEADER,
    OPCODE_QUERY,
    Query,
    encode_opt,
)
from netcore.dns.records import Rcode
from netcore.model.errors import KubehopError

_OPT_BYTES = 11
_FRAGMENT_BYTES = {4: 1480, 6: 1232}  # above: compressed, in the hope of one IP packet
_MAX_POINTER = 0x3FFF  # RFC 1035 section 4.1.4


class BadReply(KubehopError):
    """An upstream's reply that cannot be read."""


@dataclass(frozen=True, slots=True)
class Reply:
    rcode: int = Rcode.NOERROR
    answers: tuple[Any, ...] = ()
    authority: tuple[Any, ...] = ()
    additional: tuple[Any, ...] = ()
    authoritative: bool = False
    recursion_available: bool = False
    authentic: bool = False
    truncated: bool = False


def parse_reply(wire: bytes) -> Reply:
    """An upstream's reply. Raises BadReply."""
    try:
        record = DNSRecord.parse(wire)
    except (DNSError, ValueError, IndexError, RecursionError) as error:
        raise BadReply(f"malformed reply: {error}") from error
    header = record.header
    edns = next((rr for rr in record.ar if rr.rtype == QTYPE.OPT), None)
    return Reply(
        rcode=header.rcode | (edns.edns_rcode << 4 if edns else 0),
        answers=tuple(record.rr),
        authority=tuple(record.auth),
        additional=tuple(rr for rr in record.ar if rr.rtype != QTYPE.OPT),
        authoritative=bool(header.aa),
        recursion_available=bool(header.ra),
        authentic=bool(header.ad),
        truncated=bool(header.tc),
    )


def encode_reply(query: Query, reply: Reply) -> bytes:
    """The reply to `query`, at most `query.max_reply_bytes` long.

    Names are compressed only when that is needed to fit, or to avoid IP fragments. What still
    does not fit is left out from the end, record by record, and TC is set.
    """
    opt = encode_opt(query.edns, reply.rcode) if query.edns else b""
    limit = query.max_reply_bytes - len(opt)
    sections = (reply.answers, reply.authority, reply.additional)
    plain = _pack(query, sections, compress=False, limit=limit)
    family = 6 if ":" in query.client[0] else 4
    is_fragmented = query.transport == "udp" and len(plain.wire) > _FRAGMENT_BYTES[family]
    if plain.is_whole and not is_fragmented:
        packed = plain
    else:
        packed = _pack(query, sections, compress=True, limit=limit)
    answers, authority, additional = packed.counts
    header = HEADER.pack(
        query.id,
        _flags(query, reply, truncated=not packed.is_whole),
        1,
        answers,
        authority,
        additional + bool(opt),
    )
    return header + packed.wire[HEADER.size :] + opt


def encode_rejection(wire: bytes, rcode: Rcode) -> bytes:
    """The bare header that answers a message whose rest is not looked at."""
    identifier, flags, *_ = HEADER.unpack_from(wire)
    opcode = flags & 0x7800 if rcode is Rcode.NOTIMP else 0
    return HEADER.pack(
        identifier, FLAG_QR | opcode | flags & (FLAG_RD | FLAG_CD) | rcode, 0, 0, 0, 0
    )


def _flags(query: Query, reply: Reply, *, truncated: bool) -> int:
    flags = FLAG_QR | query.flags & 0x7800 | reply.rcode & 0xF
    if query.opcode == OPCODE_QUERY:
        flags |= query.flags & (FLAG_RD | FLAG_CD)
    if reply.authoritative:
        flags |= FLAG_AA
    if reply.recursion_available:
        flags |= FLAG_RA
    if reply.authentic:
        flags |= FLAG_AD
    if truncated or reply.truncated:
        flags |= FLAG_TC
    return flags


@dataclass(frozen=True, slots=True)
class _Packed:
    wire: bytes
    counts: tuple[int, int, int]
    is_whole: bool


class _Pointers(dict[tuple[bytes, ...], int]):
    """Where names start, as far as a compression pointer reaches."""

    def __setitem__(self, name: tuple[bytes, ...], offset: int) -> None:
        if offset <= _MAX_POINTER:
            super().__setitem__(name, offset)


def _pack(
    query: Query, sections: Sequence[Sequence[Any]], *, compress: bool, limit: int
) -> _Packed:
    buffer = DNSBuffer(bytes(HEADER.size))
    buffer.offset = HEADER.size
    buffer.names = _Pointers()
    if not compress:
        buffer.encode_name = buffer.encode_name_nocompress
    buffer.encode_name(DNSLabel(query.name))
    buffer.pack("!HH", query.rtype, query.rclass)
    counts = [0, 0, 0]
    for number, record in _numbered(sections):
        end = buffer.offset
        record.pack(buffer)
        if buffer.offset > limit:
            return _Packed(bytes(buffer.data[:end]), (counts[0], counts[1], counts[2]), False)
        counts[number] += 1
    return _Packed(bytes(buffer.data), (counts[0], counts[1], counts[2]), True)


def _numbered(sections: Sequence[Sequence[RR]]) -> Iterator[tuple[int, RR]]:
    for number, section in enumerate(sections):
        for record in section:
            yield number, record
