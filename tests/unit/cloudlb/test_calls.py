"""From which address nodes are called."""

from cloudlb.calls import local_addresses
from tests.unit.cloudlb.objects import ips


def test_each_family_has_its_own_source():
    assert local_addresses(()) == {4: None, 6: None}
    assert local_addresses(ips("172.18.0.5")) == {4: ("172.18.0.5", 0), 6: None}
    both = ips("fd00::5", "172.18.0.5")
    assert local_addresses(both) == {4: ("172.18.0.5", 0), 6: ("fd00::5", 0)}
