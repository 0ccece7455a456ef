"""Addresses in manifests: what is none counts as absent."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from netcore.model.address import IpAddress, IpNetwork, parse_address, parse_network
from netcore.model.errors import ConfigError


def addresses(texts: Iterable[Any]) -> tuple[IpAddress, ...]:
    """The addresses among the texts, in their order."""
    found = (address(str(text)) for text in texts)
    return tuple(each for each in found if each is not None)


@lru_cache(maxsize=16384)
def address(text: str) -> IpAddress | None:
    """The address that the text spells, None when it spells none."""
    # One change of a slice means reading all of its endpoints again, mostly the same ones.
    try:
        return parse_address(text)
    except ConfigError:
        return None


def networks(texts: Iterable[Any]) -> tuple[IpNetwork, ...]:
    """The CIDRs among the texts, in their order."""
    found = []
    for text in texts:
        try:
            found.append(parse_network(str(text)))
        except ConfigError:
            continue
    return tuple(found)
