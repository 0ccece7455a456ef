"""Just enough of DNS messages to tell what was asked and answered (RFC 1035, RFC 3596).

Foreign bytes: whatever is wrong with them makes the message None, in bounded time.
"""

from struct import Struct
from typing import NamedTuple

from netcore.flow.record import DnsRecord
from netcore.model.address import text

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_IS_ANSWER = 0x8000
_RCODE = 0x000F
_POINTER = 0xC0
_MAX_RECORDS = 64
_MAX_NAME_BYTES = 255
_MAX_POINTERS = 32
_MAX_ADDRESSES = 16

_A, _CNAME, _AAAA = 1, 5, 28
_TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA",
    33: "SRV", 35: "NAPTR", 41: "OPT", 43: "DS", 64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY",
}  # fmt: skip


class DnsMessage(NamedTuple):
    """`number` is the identifier that a question and its answer share."""

    number: int
    record: DnsRecord


class _Malformed(Exception):
    pass


def parse_dns(payload: bytes) -> DnsMessage | None:
    """A message with one question, as all are that are asked in earnest; else None."""
    try:
        return _message(payload)
    except (_Malformed, IndexError):
        return None


def _message(payload: bytes) -> DnsMessage | None:
    if len(payload) < _HEADER.size:
        return None
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(payload)
    if questions != 1:
        return None
    query, at = _name(payload, _HEADER.size)
    if at + _QUESTION.size > len(payload):
        return None
    (qtype, _) = _QUESTION.unpack_from(payload, at)
    types = (_TYPES.get(qtype, f"TYPE{qtype}"),)
    if not flags & _IS_ANSWER:
        return DnsMessage(number, DnsRecord(query, types))
    ips, cnames, ttl_s = _answers(payload, at + _QUESTION.size, min(answers, _MAX_RECORDS))
    record = DnsRecord(query, types, True, flags & _RCODE, tuple(ips), tuple(cnames), ttl_s)
    return DnsMessage(number, record)


def _answers(payload: bytes, at: int, count: int) -> tuple[list[str], list[str], int]:
    """What a truncated message still has is told."""
    ips: list[str] = []
    cnames: list[str] = []
    ttls: list[int] = []
    for _ in range(count):
        _, at = _name(payload, at)
        if at + _RECORD.size > len(payload):
            break
        kind, _, ttl_s, size = _RECORD.unpack_from(payload, at)
        at += _RECORD.size
        data = payload[at : at + size]
        if (kind == _A and len(data) == 4) or (kind == _AAAA and len(data) == 16):
            ips.append(text(data))
            ttls.append(ttl_s)
        elif kind == _CNAME:
            cnames.append(_name(payload, at)[0])
        at += size
    return ips[:_MAX_ADDRESSES], cnames[:_MAX_ADDRESSES], min(ttls, default=0)


def _name(payload: bytes, at: int) -> tuple[str, int]:
    """The name with its final dot, and where what follows it begins."""
    labels: list[str] = []
    after = size = pointers = 0
    while length := payload[at]:
        if length & _POINTER == _POINTER:
            after = after or at + 2
            at = (length & ~_POINTER) << 8 | payload[at + 1]
            pointers += 1
        elif length & _POINTER:
            raise _Malformed
        else:
            label = payload[at + 1 : at + 1 + length]
            labels.append(_printable(label))
            size += length + 1
            at += length + 1
        if size > _MAX_NAME_BYTES or pointers > _MAX_POINTERS:
            raise _Malformed
    return ".".join(labels) + ".", after or at + 1


def _printable(label: bytes) -> str:
    """RFC 1035 section 5.1: what is no plain character is written as \\DDD."""
    return "".join(
        chr(byte) if 33 <= byte < 127 and byte not in b'."\\' else f"\\{byte:03d}" for byte in label
    )
