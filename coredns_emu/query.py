"""A DNS request, parsed from bytes that anybody may have sent.

Only what a server needs is read: the header, the one question and the OPT record. Which
messages are ignored and which are refused follows CoreDNS.
"""

import struct
from dataclasses import dataclass
from typing import Literal

from netcore.dns.names import MAX_NAME_BYTES, Name, lower
from netcore.dns.records import Rcode, RecordType
from netcore.model.errors import KubehopError

Transport = Literal["udp", "tcp"]
Client = tuple[str, int]

HEADER = struct.Struct("!HHHHHH")  # RFC 1035 section 4.1.1
FLAG_QR = 0x8000
FLAG_AA = 0x0400
FLAG_TC = 0x0200
FLAG_RD = 0x0100
FLAG_RA = 0x0080
FLAG_AD = 0x0020
FLAG_CD = 0x0010
OPCODE_QUERY = 0
OPCODE_NOTIFY = 4
CLASS_IN = 1

MIN_UDP_BYTES = 512
MAX_MESSAGE_BYTES = 65535
_FLAG_DO = 0x8000
_POINTER = 0xC0
_TYPE_CLASS = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the data


class IgnoredMessage(KubehopError):
    """Bytes that get no reply: too short for a header, or a reply themselves."""


class RejectedMessage(KubehopError):
    """A message that is answered with `rcode` and nothing else."""

    def __init__(self, rcode: Rcode) -> None:
        super().__init__(rcode.name)
        self.rcode = rcode


@dataclass(frozen=True, slots=True)
class Edns:
    """What the client said in its OPT record (RFC 6891)."""

    udp_bytes: int
    version: int = 0
    dnssec_ok: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One request. `name` is as asked, `key` its lower-case form."""

    wire: bytes
    id: int
    flags: int
    name: Name
    key: Name
    rtype: int
    rclass: int
    edns: Edns | None = None
    transport: Transport = "udp"
    client: Client = ("", 0)

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF

    @property
    def max_reply_bytes(self) -> int:
        """How long the reply may be: what the transport and the client take."""
        if self.transport == "tcp":
            return MAX_MESSAGE_BYTES
        return MIN_UDP_BYTES if self.edns is None else max(MIN_UDP_BYTES, self.edns.udp_bytes)


def parse_query(wire: bytes, transport: Transport = "udp", client: Client = ("", 0)) -> Query:
    """The request in `wire`. Raises IgnoredMessage or RejectedMessage, and nothing else."""
    if len(wire) < HEADER.size:
        raise IgnoredMessage("shorter than a DNS header")
    identifier, flags, questions, answers, authority, additional = HEADER.unpack_from(wire)
    if flags & FLAG_QR:
        raise IgnoredMessage("a reply")
    if flags >> 11 & 0xF not in (OPCODE_QUERY, OPCODE_NOTIFY):
        raise RejectedMessage(Rcode.NOTIMP)
    if questions != 1 or answers > 1 or authority > 1 or additional > 2:
        raise RejectedMessage(Rcode.FORMERR)
    try:
        name, offset = _parse_name(wire, HEADER.size)
        rtype, rclass = _TYPE_CLASS.unpack_from(wire, offset)
        edns = _parse_edns(wire, offset + _TYPE_CLASS.size, answers + authority, additional)
    except (IndexError, struct.error) as error:
        raise RejectedMessage(Rcode.FORMERR) from error
    return Query(wire, identifier, flags, name, lower(name), rtype, rclass, edns, transport, client)


def compose_query(query: Query, name: Name) -> Query:
    """A question of our own about `name`, with everything else as in `query`."""
    question = b"".join(bytes((len(label),)) + label for label in name) + b"\0"
    header = HEADER.pack(
        query.id, query.flags & (FLAG_RD | FLAG_CD), 1, 0, 0, int(bool(query.edns))
    )
    wire = header + question + _TYPE_CLASS.pack(query.rtype, query.rclass)
    if query.edns is not None:
        wire += encode_opt(query.edns)
    return Query(
        wire,
        query.id,
        query.flags,
        name,
        lower(name),
        query.rtype,
        query.rclass,
        query.edns,
        query.transport,
        query.client,
    )


def encode_opt(edns: Edns, rcode: int = Rcode.NOERROR) -> bytes:
    """An OPT record without options; the upper eight bits of `rcode` travel in it."""
    ttl = rcode >> 4 << 24 | (_FLAG_DO if edns.dnssec_ok else 0)
    return b"\0" + _RECORD.pack(RecordType.OPT, edns.udp_bytes, ttl, 0)


def _parse_name(wire: bytes, offset: int) -> tuple[Name, int]:
    """The labels of a question's name, which has nothing before it to point to."""
    labels = []
    start = offset
    while length := wire[offset]:
        end = offset + 1 + length
        if length & _POINTER or end >= len(wire) or end - start >= MAX_NAME_BYTES:
            raise RejectedMessage(Rcode.FORMERR)
        labels.append(wire[offset + 1 : end])
        offset = end
    return tuple(labels), offset + 1


def _skip_name(wire: bytes, offset: int) -> int:
    while length := wire[offset]:
        if length & _POINTER == _POINTER:
            return offset + 2
        if length & _POINTER:
            raise RejectedMessage(Rcode.FORMERR)
        offset += 1 + length
    return offset + 1


def _parse_edns(wire: bytes, offset: int, skipped: int, additional: int) -> Edns | None:
    """The OPT record among the `additional` ones that follow `skipped` others."""
    edns = None
    for number in range(skipped + additional):
        offset = _skip_name(wire, offset)
        rtype, rclass, ttl, length = _RECORD.unpack_from(wire, offset)
        offset += _RECORD.size + length
        if offset > len(wire):
            raise RejectedMessage(Rcode.FORMERR)
        if rtype == RecordType.OPT and number >= skipped:
            edns = Edns(rclass, ttl >> 16 & 0xFF, bool(ttl & _FLAG_DO))
    return edns
