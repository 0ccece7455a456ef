"""Which addresses of a node's pod CIDR are taken.

Rules, as the CNI plugin host-local has them: addresses go round robin, so that one which was
just released is the last to come back; the network, the gateway (its first address) and the
IPv4 broadcast address are never given to a pod. On top of that a released address rests for
`reuse_delay_s`, because connections and DNS answers that name it outlive the pod; it is given
out earlier only when nothing else is left.
"""

from netcore.model.address import IpAddress, IpNetwork
from netcore.model.errors import AllocationError, ConfigError

REUSE_DELAY_S = 30.0
"""As long as CoreDNS lets answers live (its `ttl 30` of the kubernetes plugin)."""

_MAX_RESTING = 65_536
_FIRST_HOST = 2  # after the network address and the gateway


class AddressAllocator:
    """The addresses of one pod CIDR. `now` is monotonic seconds and never goes back.

    Memory grows with what is in use or at rest, not with the CIDR.
    """

    def __init__(
        self, cidr: IpNetwork, node_name: str, reuse_delay_s: float = REUSE_DELAY_S
    ) -> None:
        """Nothing is in use. Raises ConfigError when the CIDR has no room for a pod."""
        last = cidr.num_addresses - (2 if cidr.version == 4 else 1)
        if last < _FIRST_HOST:
            raise ConfigError(f"pod CIDR {cidr} of node {node_name} has no room for a pod")
        self._cidr = cidr
        self._node_name = node_name
        self._reuse_delay_s = reuse_delay_s
        self._last = last
        self._next = _FIRST_HOST
        self._in_use: set[int] = set()
        self._resting: dict[int, float] = {}  # offset -> when released, oldest first

    @property
    def cidr(self) -> IpNetwork:
        return self._cidr

    @property
    def gateway(self) -> IpAddress:
        """The first address of the CIDR: the node's own on its side of the pods."""
        return self._cidr[1]

    @property
    def capacity(self) -> int:
        """How many pods the CIDR has room for."""
        return self._last - _FIRST_HOST + 1

    def __len__(self) -> int:
        return len(self._in_use)

    def __contains__(self, address: IpAddress) -> bool:
        return address in self._cidr and self._offset(address) in self._in_use

    def allocate(self, now: float) -> IpAddress:
        """A free address, now in use. Raises AllocationError when there is none."""
        if len(self._in_use) >= self.capacity:
            raise AllocationError(
                f"pod CIDR {self._cidr} of node {self._node_name} has no free address: "
                f"{len(self._in_use)} in use"
            )
        self._wake(now)
        if len(self._in_use) + len(self._resting) >= self.capacity:
            offset = next(iter(self._resting))
        else:
            offset = self._next_free()
        return self._take(offset)

    def allocate_specific(self, address: IpAddress) -> None:
        """Put `address` in use, at rest or not: a pod that outlived its agent has it already.

        Raises AllocationError when it is in use, reserved or not of the CIDR.
        """
        if address not in self._cidr:
            raise AllocationError(f"{address} is not in pod CIDR {self._place}")
        offset = self._offset(address)
        if not _FIRST_HOST <= offset <= self._last:
            raise AllocationError(f"{address} is reserved in pod CIDR {self._place}")
        if offset in self._in_use:
            raise AllocationError(f"{address} of pod CIDR {self._place} is already in use")
        self._take(offset)

    def release(self, address: IpAddress, now: float) -> bool:
        """Lay `address` to rest; False when it was not in use, so releasing is idempotent."""
        if address not in self:
            return False
        offset = self._offset(address)
        self._in_use.remove(offset)
        self._resting[offset] = now
        if len(self._resting) > _MAX_RESTING:
            del self._resting[next(iter(self._resting))]
        return True

    @property
    def _place(self) -> str:
        return f"{self._cidr} of node {self._node_name}"

    def _offset(self, address: IpAddress) -> int:
        return int(address) - int(self._cidr.network_address)

    def _take(self, offset: int) -> IpAddress:
        self._resting.pop(offset, None)
        self._in_use.add(offset)
        self._next = offset + 1
        return self._cidr[offset]

    def _wake(self, now: float) -> None:
        """Forget the addresses that have rested long enough."""
        while self._resting:
            offset, released = next(iter(self._resting.items()))
            if released + self._reuse_delay_s > now:
                return
            del self._resting[offset]

    def _next_free(self) -> int:
        """The caller has seen to it that there is one."""
        offset = self._next
        while True:
            if offset > self._last:
                offset = _FIRST_HOST
            if offset not in self._in_use and offset not in self._resting:
                return offset
            offset += 1
