"""Questions to a DNS server and the addresses in its answers (RFC 1035). Pure."""

import socket
import struct
from dataclasses import dataclass
from typing import Final

TYPE_A: Final = 1
TYPE_AAAA: Final = 28
RCODES: Final = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
}
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_IN: Final = 1
_RECURSION_DESIRED: Final = 0x0100
_RESPONSE, _RCODE_BITS = 0x8000, 0x000F
_FAMILIES: Final = {(TYPE_A, 4): socket.AF_INET, (TYPE_AAAA, 16): socket.AF_INET6}


class BadAnswer(Exception):
    """A datagram that is no answer to the question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`rcode` as dig shows it; `addresses` of the wanted type, aliases followed or not."""

    rcode: str
    addresses: tuple[str, ...]


def encode_question(query_id: int, name: str, kind: int) -> bytes:
    """A query with recursion desired. Raises ValueError: no domain name."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(1 <= len(label) <= 63 for label in labels) or len(name) > 253:
        raise ValueError(f"{name!r} is no domain name")
    encoded = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    header = _HEADER.pack(query_id, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + encoded + struct.pack("!HH", kind, _IN)


def parse_answer(data: bytes, query_id: int, kind: int) -> Answer:
    """What a server says. Raises BadAnswer and nothing else, whatever the bytes are."""
    try:
        found_id, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
        if found_id != query_id or not flags & _RESPONSE:
            raise BadAnswer("not an answer to this question")
        at = _HEADER.size
        for _ in range(questions):
            at = _skip_name(data, at) + 4
        addresses = []
        for _ in range(answers):
            at = _skip_name(data, at)
            found_kind, found_class, _, size = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            family = _FAMILIES.get((found_kind, size))
            if found_kind == kind and found_class == _IN and family is not None:
                addresses.append(socket.inet_ntop(family, data[at : at + size]))
            at += size
    except (struct.error, IndexError, ValueError) as error:
        raise BadAnswer(f"malformed: {error}") from error
    rcode = flags & _RCODE_BITS
    return Answer(RCODES.get(rcode, f"RCODE {rcode}"), tuple(addresses))


def _skip_name(data: bytes, at: int) -> int:
    """The offset behind a name. A pointer (RFC 1035 section 4.1.4) ends it."""
    while size := data[at]:
        if size & 0xC0:
            return at + 2
        at += 1 + size
    return at + 1
