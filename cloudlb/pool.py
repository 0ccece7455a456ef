"""The external addresses that the cloud owns. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from netcore.model.address import IpAddress, parse_address, parse_network
from netcore.model.errors import ConfigError

MAX_ADDRESSES = 65_536


@dataclass(frozen=True, slots=True)
class AddressRange:
    """All addresses from `first` to `last`, both of one family."""

    first: IpAddress
    last: IpAddress

    def __contains__(self, address: IpAddress) -> bool:
        same_family = address.version == self.first.version
        return same_family and int(self.first) <= int(address) <= int(self.last)

    @property
    def size(self) -> int:
        """How many there are; len() knows no numbers of the size that IPv6 has."""
        return int(self.last) - int(self.first) + 1

    def __iter__(self) -> Iterator[IpAddress]:
        kind = type(self.first)
        for number in range(int(self.first), int(self.last) + 1):
            yield kind(number)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class AddressPool:
    """Addresses are given away in the order of the ranges."""

    ranges: tuple[AddressRange, ...]

    def __contains__(self, address: IpAddress) -> bool:
        return any(address in each for each in self.ranges)

    def __str__(self) -> str:
        return ", ".join(map(str, self.ranges))

    def has_version(self, version: int) -> bool:
        """Whether it has addresses of that IP version at all."""
        return any(each.first.version == version for each in self.ranges)

    def first_free(self, version: int, taken: Collection[IpAddress]) -> IpAddress | None:
        """The first address of that IP version that is not in `taken`."""
        for each in self.ranges:
            if each.first.version == version:
                for address in each:
                    if address not in taken:
                        return address
        return None


def parse_pool(text: str) -> AddressPool:
    """Ranges with commas between them, each FIRST-LAST, a CIDR or one address.

    Raises ConfigError naming the part that is none, or for more than MAX_ADDRESSES.
    """
    pool = AddressPool(tuple(_range(part.strip()) for part in text.split(",")))
    if sum(each.size for each in pool.ranges) > MAX_ADDRESSES:
        raise ConfigError(f"pool {text}: more than {MAX_ADDRESSES} addresses")
    return pool


def _range(text: str) -> AddressRange:
    try:
        first, dash, last = text.partition("-")
        if dash:
            made = AddressRange(parse_address(first.strip()), parse_address(last.strip()))
        elif "/" in text:
            network = parse_network(text)
            made = AddressRange(network[0], network[-1])
        else:
            made = AddressRange(ip_address(text), ip_address(text))
    except (ConfigError, ValueError) as error:
        raise ConfigError(
            f"pool {text!r}: {error}; write FIRST-LAST, a CIDR or one address"
        ) from None
    if made.first.version != made.last.version or int(made.first) > int(made.last):
        raise ConfigError(f"pool {text!r}: the last address is not behind the first one")
    return made
