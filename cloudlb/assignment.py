"""Which claim has which addresses of the pool. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cloudlb.claims import Claim, Owner
from cloudlb.pool import AddressPool
from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class Assignment:
    """`addresses` by owner, in the order of its families, and why others have none."""

    addresses: Mapping[Owner, tuple[IpAddress, ...]] = field(default_factory=dict)
    problems: Mapping[Owner, str] = field(default_factory=dict)


def assign(claims: Collection[Claim], pool: AddressPool, before: Assignment) -> Assignment:
    """Who had an address keeps it, as far as it is of the pool and the one that is asked for.

    `before` is what this function said last, and counts more than what a status says, which
    everybody can write; after a restart there is nothing else. Of two owners whose statuses have
    one address the first keeps it. Who cannot have all that it wants has nothing.
    """
    wanted = [claim for claim in claims if not claim.problem]
    given = _Given(pool)
    for claim in wanted:
        for address in before.addresses.get(claim.owner, ()):
            given.keep(claim, address)
    for claim in wanted:
        for address in claim.present:
            given.keep(claim, address)
    problems = {claim.owner: claim.problem for claim in claims if claim.problem}
    for asks_for_one in (True, False):
        for claim in wanted:
            if (claim.requested is not None) is asks_for_one:
                problem = given.complete(claim)
                if problem:
                    given.release(claim)
                    problems[claim.owner] = problem
    addresses = {claim.owner: given.of(claim) for claim in wanted if claim.owner not in problems}
    return Assignment(addresses, problems)


class _Given:
    def __init__(self, pool: AddressPool) -> None:
        self._pool = pool
        self._owners: dict[IpAddress, Owner] = {}
        self._addresses: dict[tuple[Owner, int], IpAddress] = {}

    def keep(self, claim: Claim, address: IpAddress) -> None:
        """The address stays the claim's, if it may."""
        version = address.version
        requested = claim.requested
        if requested is not None and requested.version == version and requested != address:
            return
        free = address in self._pool and address not in self._owners
        if free and version in self._versions(claim):
            self._give(claim, address)

    def complete(self, claim: Claim) -> str:
        """Gives what is still missing; else says why that cannot be."""
        if problem := self._give_requested(claim):
            return problem
        versions = self._versions(claim)
        if not versions:
            return f"the pool {self._pool} has no IPv{claim.versions[0]} addresses"
        for version in versions:
            if (claim.owner, version) in self._addresses:
                continue
            address = self._pool.first_free(version, self._owners)
            if address is None:
                return (
                    f"no address is free in the pool {self._pool}: delete a Service of type "
                    "LoadBalancer or give cloudlb a larger --pool"
                )
            self._give(claim, address)
        return ""

    def release(self, claim: Claim) -> None:
        """Others may have what the claim had."""
        for version in (4, 6):
            address = self._addresses.pop((claim.owner, version), None)
            if address is not None:
                del self._owners[address]

    def of(self, claim: Claim) -> tuple[IpAddress, ...]:
        return tuple(self._addresses[claim.owner, version] for version in self._versions(claim))

    def _give_requested(self, claim: Claim) -> str:
        requested = claim.requested
        if requested is None or (claim.owner, requested.version) in self._addresses:
            return ""
        if requested not in self._pool:
            return f"loadBalancerIP {requested} is not in the pool {self._pool}"
        if requested.version not in self._versions(claim):
            return f"loadBalancerIP {requested} is of a family that {claim.owner} does not have"
        if requested in self._owners:
            return f"loadBalancerIP {requested} is in use by {self._owners[requested]}"
        self._give(claim, requested)
        return ""

    def _versions(self, claim: Claim) -> list[int]:
        """A claim that names none wants all that there are."""
        return [v for v in claim.versions or (4, 6) if self._pool.has_version(v)]

    def _give(self, claim: Claim, address: IpAddress) -> None:
        key = claim.owner, address.version
        if key not in self._addresses:
            self._addresses[key] = address
            self._owners[address] = claim.owner
