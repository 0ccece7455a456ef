"""New connections to a Service of n endpoints, as a proxy mode sees them; and fair shares."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import packed
from netcore.service.balancing import BackendPlace, BalancingTable
from netcore.service.frontend import ANY_NODE, Backend, Frontend, FrontendKind
from netcore.service.modes.base import Offer, ProxyMode, choose_backend
from tests.support.cluster import WEB, service

CLIENT = packed("10.244.1.3")


def backends(count: int, first: int = 1) -> tuple[Backend, ...]:
    """10.244.0.<first>:8080 and those that follow."""
    return tuple(
        Backend(packed(f"10.244.{number // 250}.{number % 250}"), 8080)
        for number in range(first, first + count)
    )


def frontend(*offered: Backend, port: int = 80, **fields: Any) -> Frontend:
    """The cluster IP of Service `web` (with these fields) at this port."""
    web = replace(service("web", 50), **fields)
    return Frontend((WEB, 6, port), FrontendKind.CLUSTER_IP, web, web.ports[0], offered)


def node_port(owner: Frontend, number: int = 30080) -> Frontend:
    """The same Service port, reached by a node's address."""
    return replace(owner, key=(ANY_NODE[4], 6, number), kind=FrontendKind.NODE_PORT)


def no_load(frontend_key: object, backend: object) -> tuple[int, int]:
    """Nobody has a connection."""
    return 0, 0


def loads(by_place: Mapping[BackendPlace, tuple[int, int]]) -> Callable[..., tuple[int, int]]:
    """Active and inactive connections of each backend, through whatever frontend."""
    return lambda frontend_key, place: by_place.get(place, (0, 0))


def offer(to: Frontend, **fields: Any) -> Offer:
    """A connection of `client` (packed) from `client_port` to a frontend; nobody came before."""
    client, port = fields.pop("client", CLIENT), fields.pop("client_port", 40000)
    target = WEB if len(client) == 4 else packed("fd00:10:96::50")
    own: dict[str, Any] = {
        "backends": to.backends,
        "flow": FlowTuple(6, client, port, target, to.key[2]),
        "now_s": 1000.0,
        "balancing": BalancingTable(),
        "load": no_load,
        "random_below": Random(1).randrange,
    }
    return Offer(to, **(own | fields))


def shares(
    mode: ProxyMode, to: Frontend, connections: int, seed: int = 1, **fields: Any
) -> dict[BackendPlace, int]:
    """How many of so many connections, each of a client of its own, every backend gets."""
    table, random = BalancingTable(), Random(seed)
    got: Counter[BackendPlace] = Counter({backend.place: 0 for backend in to.backends})
    for number in range(connections):
        client = packed(f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250}")
        one = offer(
            to,
            client=client,
            client_port=1024 + number % 60000,
            balancing=table,
            random_below=random.randrange,
            **fields,
        )
        choice = choose_backend(mode, one)
        table.commit(choice.updates, one.now_s)
        got[choice.backend.place] += 1
    return dict(got)


def chi_square(counts: Iterable[int]) -> float:
    """Pearson's statistic against equal shares: about n - 1 where chance alone is at work."""
    observed = list(counts)
    expected = sum(observed) / len(observed)
    return sum((count - expected) ** 2 / expected for count in observed)


# Values that chance alone exceeds once in a thousand, by degrees of freedom.
CHI_SQUARE_999 = {1: 10.83, 2: 13.82, 4: 18.47, 6: 22.46, 9: 27.88}
