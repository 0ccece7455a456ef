import pytest

from netcore.dns.names import (
    dashed,
    format_name,
    is_within,
    lower,
    parse_dashed,
    parse_name,
    parse_reverse,
    reverse_name,
    wire_bytes,
)
from netcore.model.address import parse_address
from netcore.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "labels"),
    [("", ()), (".", ()), ("a", (b"a",)), ("a.b.", (b"a", b"b")), ("A.b", (b"A", b"b"))],
)
def test_parse_name(text, labels):
    assert parse_name(text) == labels


@pytest.mark.parametrize("text", ["a..b", ".a", "x" * 64, "ä.example", ".".join(["a" * 63] * 4)])
def test_parse_name_rejects(text):
    with pytest.raises(ConfigError, match="is not a domain name"):
        parse_name(text)


def test_longest_name():
    name = parse_name(".".join(["a" * 63] * 3 + ["a" * 61]))
    assert wire_bytes(name) == 255


def test_format_name():
    assert format_name(()) == "."
    assert format_name((b"a", b"b c", b"d.e", b"\xff")) == r"a.b\032c.d\046e.\255."


def test_lower_folds_ascii_only():
    assert lower((b"A\xc4", b"b")) == (b"a\xc4", b"b")


@pytest.mark.parametrize(
    ("name", "zone", "inside"),
    [
        ("a.b", "b", True),
        ("b", "b", True),
        ("ab", "b", False),
        ("b", "a.b", False),
        ("a", "", True),
    ],
)
def test_is_within(name, zone, inside):
    assert is_within(parse_name(name), parse_name(zone)) is inside


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("10.244.1.10", b"10-244-1-10"),
        ("fd00:10:244::42", b"fd00-10-244--42"),
        ("fd00::", b"fd00--0"),
        ("::1", b"--1"),
    ],
)
def test_dashed(address, label):
    assert dashed(parse_address(address)) == label
    assert parse_dashed(label) == parse_address(address)


@pytest.mark.parametrize(
    "label", [b"web", b"1-2-3", b"1-2-3-256", b"01-2-3-4", b"fe80--1%eth0", b"\xff-1", b""]
)
def test_parse_dashed_rejects(label):
    assert parse_dashed(label) is None


def test_mapped_ipv4_is_ipv4():
    assert parse_dashed(b"--ffff-102-304") == parse_address("1.2.3.4")


@pytest.mark.parametrize("address", ["10.96.0.1", "fd00::1"])
def test_reverse_names(address):
    name = reverse_name(parse_address(address))
    assert parse_reverse(name) == parse_address(address)
    assert parse_reverse(name[1:]) is None


@pytest.mark.parametrize(
    "text", ["a.0.96.10.in-addr.arpa", "256.0.96.10.in-addr.arpa", "1.0.96.10.example.com"]
)
def test_parse_reverse_rejects(text):
    assert parse_reverse(parse_name(text)) is None


def test_parse_reverse_rejects_what_are_no_nibbles():
    assert parse_reverse((*([b"xy"] * 32), b"ip6", b"arpa")) is None
    assert parse_reverse((*([b"\xff"] * 32), b"ip6", b"arpa")) is None
