"""From which address nodes are called."""

from collections.abc import Iterable, Mapping

from netcore.model.address import IpAddress

VERSIONS = (4, 6)


def local_addresses(sources: Iterable[IpAddress]) -> Mapping[int, tuple[str, int] | None]:
    """By IP version what a connector binds to; None: as the kernel chooses.

    A connector for each is needed: one that binds to an address of one family reaches nothing of
    the other one.
    """
    chosen: dict[int, tuple[str, int]] = {source.version: (str(source), 0) for source in sources}
    return {version: chosen.get(version) for version in VERSIONS}
