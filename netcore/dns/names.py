"""Domain names as tuples of raw labels, and the names that stand for addresses.

A name is what is on the wire: byte labels without dots or lengths, the root label left out.
Comparing names means comparing their `lower` forms: DNS folds ASCII letters only (RFC 4343).
"""

from ipaddress import IPv6Address, ip_address

from netcore.model.address import IpAddress
from netcore.model.errors import ConfigError

Name = tuple[bytes, ...]

MAX_LABEL_BYTES = 63  # RFC 1035 section 2.3.4
MAX_NAME_BYTES = 255  # with length bytes and the root label

IPV4_REVERSE: Name = (b"in-addr", b"arpa")
IPV6_REVERSE: Name = (b"ip6", b"arpa")


def parse_name(text: str) -> Name:
    """The labels of a dotted name; one trailing dot is allowed. Raises ConfigError."""
    stripped = text.removesuffix(".")
    if not stripped:
        return ()
    try:
        labels = tuple(stripped.encode("ascii").split(b"."))
    except UnicodeEncodeError as error:
        raise ConfigError(f"{text!r} is not a domain name: it is not ASCII") from error
    if not all(0 < len(label) <= MAX_LABEL_BYTES for label in labels):
        raise ConfigError(f"{text!r} is not a domain name: labels have 1 to 63 bytes")
    if wire_bytes(labels) > MAX_NAME_BYTES:
        raise ConfigError(f"{text!r} is not a domain name: it is longer than 253 characters")
    return labels


def format_name(name: Name) -> str:
    """The name with a trailing dot; bytes that are no plain text are escaped as \\DDD."""
    return "".join(_format_label(label) + "." for label in name) or "."


def _format_label(label: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte not in b'.\\"' else f"\\{byte:03d}"
        for byte in label
    )


def wire_bytes(name: Name) -> int:
    """The length of the uncompressed name on the wire, root label included."""
    return sum(map(len, name)) + len(name) + 1


def lower(name: Name) -> Name:
    return tuple(map(bytes.lower, name))


def is_within(name: Name, zone: Name) -> bool:
    """Whether `name` is `zone` or below it. Both must be lower case."""
    return not zone or name[-len(zone) :] == zone


def dashed(address: IpAddress) -> bytes:
    """The label that stands for an address: 10-244-1-10, fd00-10-244--42.

    A label must not end in a dash, so that `fd00::` becomes fd00--0.
    """
    label = str(address).replace(".", "-").replace(":", "-").encode()
    return label + b"0" if label.endswith(b"-") else label


def parse_dashed(label: bytes) -> IpAddress | None:
    """The address that a dashed label spells, None when it spells none."""
    is_ipv4 = label.count(b"-") == 3 and b"--" not in label
    if b"%" in label:
        return None
    try:
        address = ip_address(label.decode("ascii").replace("-", "." if is_ipv4 else ":"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def reverse_name(address: IpAddress) -> Name:
    """The name under in-addr.arpa or ip6.arpa that PTR queries use (RFC 1035, RFC 3596)."""
    return tuple(label.encode() for label in address.reverse_pointer.split("."))


def parse_reverse(name: Name) -> IpAddress | None:
    """The address of a whole, lower-case reverse name; None for anything else."""
    if name[-2:] == IPV4_REVERSE and len(name) == 6:
        text = b".".join(reversed(name[:4]))
    elif name[-2:] == IPV6_REVERSE and len(name) == 34:
        nibbles = b"".join(reversed(name[:32]))
        text = b":".join(nibbles[i : i + 4] for i in range(0, len(nibbles), 4))
    else:
        return None
    try:
        return ip_address(text.decode("ascii"))
    except ValueError:
        return None
