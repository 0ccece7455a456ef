"""What the report of a failed test has of its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubehop.testing.connection import ConnectionFailed
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubehop.testing.cluster import Cluster
    from kubehop.testing.sender import Sender

Section = tuple[str, str]
_MAX_ERRORS = 64


def sections(error: BaseException | None, clusters: Iterable[Cluster]) -> Iterator[Section]:
    """Titles and texts: the traces of the assertions that failed, else of the requests.

    Whoever asserts something about a connection has said which one matters.
    """
    failed = list(_connections(error))
    for found in failed:
        yield "kubehop trace", found.trace
        if found.explanation:
            yield "kubehop policy explain", found.explanation
    for cluster in clusters:
        for sender, url in cluster.take_failures():
            if not failed:
                yield f"kubehop trace {sender.name} {url}", _trace(cluster, sender, url)


def _connections(error: BaseException | None) -> Iterator[ConnectionFailed]:
    """Those in the error, in its causes, and in the groups of errors among them."""
    waiting = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_ERRORS:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, ConnectionFailed):
            yield current
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        hidden = current.__suppress_context__
        waiting += [current.__cause__, None if hidden else current.__context__]


def _trace(cluster: Cluster, sender: Sender, url: str) -> str:
    try:
        return cluster.trace_request(sender, url).text
    except KubehopError as error:
        return f"not to be had: {error}"
