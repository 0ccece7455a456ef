import pytest

from netcore.model.address import packed
from netcore.packet.checksum import (
    crc32c,
    internet_checksum,
    pseudo_header_sum,
    update_checksum,
    update_crc32c,
)


def test_internet_checksum_of_the_example_in_rfc_1071():
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_odd_data_is_padded_with_a_zero_byte():
    assert internet_checksum(b"\x12\x34\x56") == internet_checksum(b"\x12\x34\x56\x00")


@pytest.mark.parametrize("data", [b"", b"\0\0", bytes(20)])
def test_only_zeros_have_the_checksum_of_negative_zero(data):
    assert internet_checksum(data) == 0xFFFF


def test_data_that_sums_up_to_0xffff_has_checksum_0():
    assert internet_checksum(b"\xff\xff") == 0
    assert internet_checksum(b"\xff\xfe\x00\x01") == 0


def test_a_header_with_its_checksum_sums_up_to_0():
    header = bytearray.fromhex("45000073000040004011b861c0a80001c0a800c7")  # widely published
    assert internet_checksum(header) == 0
    header[10:12] = b"\0\0"
    assert internet_checksum(header) == 0xB861


def test_initial_sum_stands_for_bytes_in_front():
    src, dst = packed("10.0.0.1"), packed("10.0.0.2")
    segment = b"\x12\x34\x56\x78"
    pseudo = src + dst + b"\0\x06" + len(segment).to_bytes(2, "big")
    initial = pseudo_header_sum(src, dst, 6, len(segment))
    assert internet_checksum(segment, initial) == internet_checksum(pseudo + segment)


def test_update_gives_the_example_of_rfc_1624():
    assert update_checksum(0xDD2F, b"\x55\x55", b"\x32\x85") == 0x0000


def test_update_of_an_odd_tail():
    before, after = b"\x12\x34\x56", b"\x12\x34\x99"
    assert update_checksum(internet_checksum(before), before, after) == internet_checksum(after)


def test_crc32c_check_value():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720 appendix B.4's polynomial


def test_crc32c_of_32_zero_bytes():
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720 appendix B.4


def test_update_crc32c_needs_only_what_changed():
    before, after = b"abcd" + b"tail" * 9, b"wxyz" + b"tail" * 9
    assert update_crc32c(crc32c(before), b"abcd", b"wxyz", 36) == crc32c(after)
