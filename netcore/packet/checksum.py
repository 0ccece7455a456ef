"""The Internet checksum (RFC 1071, updated as RFC 1624 says) and SCTP's CRC32c (RFC 9260).

Theory of operation: 2**16 is 1 modulo 0xFFFF, so the ones' complement sum of the 16-bit words
of some bytes is those bytes, read as one big-endian number, modulo 0xFFFF. One division by a
single machine digit replaces a loop over the words. Ones' complement has two zeros; the sum of
bytes that are not all zero is never +0, so remainder 0 stands for 0xFFFF there.
"""

Buffer = bytes | bytearray | memoryview

_CRC32C_POLYNOMIAL = 0x82F63B78  # RFC 9260 appendix A, bits reflected


def internet_checksum(data: Buffer, initial: int = 0) -> int:
    """The checksum field's value for `data`, whose own checksum field must hold zero.

    `initial` is a sum to start from, such as `pseudo_header_sum` gives. Odd data is padded with
    a zero byte. Over data whose checksum field is filled and right, the result is 0.
    Source: RFC 1071 section 1.
    """
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    total += initial
    return -total % 0xFFFF if total else 0xFFFF


def pseudo_header_sum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """The sum, not complemented, of the pseudo header of TCP, UDP and ICMPv6.

    `length` counts the upper-layer header and its data in bytes.
    Source: RFC 9293 section 3.1, RFC 8200 section 8.1.
    """
    return int.from_bytes(src, "big") + int.from_bytes(dst, "big") + protocol + length


def update_checksum(checksum: int, old: Buffer, new: Buffer) -> int:
    """The checksum after `old` was replaced by `new` in the bytes that it covers.

    Both must be equally long and start at an even offset. The result is 0 to 0xFFFE: UDP's
    rule that 0 is sent as 0xFFFF is the caller's, and so is a message of nothing but zeros,
    whose checksum is 0xFFFF. A wrong checksum stays wrong. Source: RFC 1624 equation 3.
    """
    difference = int.from_bytes(old, "big") - int.from_bytes(new, "big")
    if len(old) & 1:
        difference <<= 8
    return (checksum + difference) % 0xFFFF


def crc32c(data: Buffer) -> int:
    """SCTP's checksum of a packet whose checksum field holds zero.

    The number is to be stored in little-endian byte order. Source: RFC 9260 appendix A.
    """
    return _crc32c_remainder(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def update_crc32c(crc: int, old: Buffer, new: Buffer, following_bytes: int) -> int:
    """The CRC32c after `old` was replaced by `new`, with so many bytes behind them.

    The CRC is linear: the change of the CRC is the remainder of the change of the data, so
    nothing but the changed bytes is read and a wrong CRC stays wrong.
    """
    change = bytes(a ^ b for a, b in zip(old, new, strict=True))
    return crc ^ _crc32c_remainder(change + bytes(following_bytes), 0)


def _crc32c_remainder(data: Buffer, remainder: int) -> int:
    table = _CRC32C_TABLE
    for byte in data:
        remainder = table[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder


def _crc32c_entry(remainder: int) -> int:
    for _ in range(8):
        remainder = (remainder >> 1) ^ (_CRC32C_POLYNOMIAL if remainder & 1 else 0)
    return remainder


_CRC32C_TABLE = tuple(_crc32c_entry(byte) for byte in range(256))
