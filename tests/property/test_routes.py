"""The route table against the definition of longest-prefix match."""

from ipaddress import IPv4Network, IPv6Network, ip_address

from hypothesis import given
from hypothesis import strategies as st

from netcore.forwarding.routes import Route, RouteTable

# Few distinct bits, so that networks nest and addresses hit them.
V4 = st.integers(0, 0xFF).map(lambda low: 0x0AF40000 | low << 8 | low >> 4)
V6 = st.integers(0, 0xFF).map(lambda low: 0xFD << 120 | low << 64 | low)
ADDRESSES = V4.map(lambda n: n.to_bytes(4)) | V6.map(lambda n: n.to_bytes(16))
NETWORKS = st.builds(
    lambda number, length: IPv4Network((number, length), strict=False), V4, st.integers(0, 32)
) | st.builds(
    lambda number, length: IPv6Network((number, length), strict=False), V6, st.integers(0, 128)
)


@given(st.lists(NETWORKS, unique=True, max_size=20), st.lists(ADDRESSES, min_size=1, max_size=10))
def test_lookup_is_the_longest_match(networks, addresses):
    table = RouteTable(Route(network, str(network)) for network in networks)
    for address in addresses:
        number = ip_address(address)
        matching = [n for n in networks if n.version == number.version and number in n]
        longest = max(matching, key=lambda network: network.prefixlen, default=None)
        found = table.lookup(address)
        assert (found and found.network) == longest
