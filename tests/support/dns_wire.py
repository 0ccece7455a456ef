"""DNS messages written and read by dnslib, as an independent second opinion."""

from dnslib import EDNS0, QTYPE, DNSRecord


def question(
    name: str,
    kind: str = "A",
    *,
    edns: int | None = None,
    dnssec_ok: bool = False,
    version: int = 0,
    identifier: int = 4660,
) -> bytes:
    """A query with RD set, as a stub resolver sends it."""
    record = DNSRecord.question(name, kind)
    record.header.id = identifier
    if edns is not None:
        record.add_ar(EDNS0(udp_len=edns, version=version, flags="do" if dnssec_ok else ""))
    return bytes(record.pack())


def answers(wire: bytes) -> list[str]:
    """Type and data of the answers of a reply."""
    return [f"{QTYPE.get(rr.rtype)} {rr.rdata}" for rr in DNSRecord.parse(wire).rr]


def flags(wire: bytes) -> set[str]:
    """The flags that are set in a message, as dig names them."""
    header = DNSRecord.parse(wire).header
    return {name for name in ("qr", "aa", "tc", "rd", "ra", "ad", "cd") if getattr(header, name)}
