"""The allocator against a naive model of it."""

from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from netcore.ipam.allocator import AddressAllocator
from netcore.ipam.cidr import carve_node_cidr
from netcore.model.errors import AllocationError

CIDR = ip_network("10.244.1.0/28")
USABLE = set(CIDR.hosts()) - {CIDR[1]}
DELAY_S = 10


class Allocations(RuleBasedStateMachine):
    given = Bundle("given")

    def __init__(self):
        super().__init__()
        self.pool = AddressAllocator(CIDR, "worker", DELAY_S)
        self.in_use = set()
        self.released = {}
        self.now = 0.0

    @rule(target=given)
    def allocate(self):
        try:
            address = self.pool.allocate(self.now)
        except AllocationError:
            assert self.in_use == USABLE
            return None
        assert address in USABLE - self.in_use
        fresh = {
            free
            for free in USABLE - self.in_use
            if self.now - self.released.get(free, -DELAY_S) >= DELAY_S
        }
        assert not fresh or address in fresh
        self.in_use.add(address)
        return address

    @rule(address=consumes(given), seconds=st.integers(0, 5))
    def release(self, address, seconds):
        if address is None:
            return
        self.now += seconds
        assert self.pool.release(address, self.now)
        self.in_use.remove(address)
        self.released[address] = self.now

    @rule(target=given, address=st.sampled_from(sorted(USABLE)))
    def allocate_specific(self, address):
        try:
            self.pool.allocate_specific(address)
        except AllocationError:
            assert address in self.in_use
            return None
        assert address not in self.in_use
        self.in_use.add(address)
        return address

    @invariant()
    def knows_what_is_in_use(self):
        assert len(self.pool) == len(self.in_use)
        assert all(address in self.pool for address in self.in_use)


TestAllocations = Allocations.TestCase
TestAllocations.settings = settings(max_examples=50)

CLUSTER = ip_network("10.244.0.0/22")


@given(
    st.lists(
        st.sampled_from([net for bits in (23, 24, 25) for net in CLUSTER.subnets(new_prefix=bits)])
    )
)
def test_carving_equals_a_search(used):
    free = [net for net in CLUSTER.subnets(new_prefix=24) if not any(net.overlaps(u) for u in used)]
    try:
        assert carve_node_cidr(CLUSTER, 24, used) == free[0]
    except AllocationError:
        assert not free
