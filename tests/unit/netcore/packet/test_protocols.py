import pytest

from netcore.packet.protocols import protocol_name


@pytest.mark.parametrize(
    ("protocol", "name"), [(6, "TCP"), (58, "ICMPv6"), (47, "protocol 47"), (0, "protocol 0")]
)
def test_protocol_name(protocol, name):
    assert protocol_name(protocol) == name
