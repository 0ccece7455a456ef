"""What 1,000 policies over 1,000 pods cost a node: compiling them, a change, and one look-up.

`Snapshot.advance`, `PolicyTable.compile` and the policy stage are measured in this process: what a
node works with, without devices and without the control plane.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import packed, parse_address
from netcore.model.change import Batch, Change, NetworkObject
from netcore.model.config import ClusterConfig
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.policy import Direction, Peer, Policy, PolicyKind, PortMatch, Rule
from netcore.model.selector import EVERYTHING, labelled
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.stages.policy import ingress_question, judge_question

_POLICIES, _NAMESPACES, _APPS, _NODES = 1_000, 20, 50, 10
_SIZES = (10, 1_000)
_TURNS = 15
_LOOKUPS = 2_000
_BOTH = frozenset(Direction)


def figures() -> Iterator[tuple[str, float, str, float | None]]:
    """(name, value, unit, goal): medians."""
    world = _world(1_000)
    policies = [_policy(number) for number in range(_POLICIES)]
    compiled = [_timed(lambda: _compiled_all(world.advance(_batch(*policies)))) for _ in range(3)]
    yield "policies-compile", statistics.median(compiled), "s, 1,000 policies x 1,000 pods", 2.0
    full = world.advance(_batch(*policies))
    _compiled_here(full)
    changes: dict[str, Policy | Pod] = {"policy": _policy(7, 81), "pod": _pod(7, "other")}
    for name, change in changes.items():
        again = partial(_change, full, _batch(change))
        turns = [_timed(again) for _ in range(_TURNS)]
        unit = f"ms until a node has one changed {name} compiled"
        yield f"policies-change-{name}", statistics.median(turns) * 1e3, unit, 50.0
    costs = {size: _lookup_us(size) for size in _SIZES}
    yield "policy-lookup-1000", costs[1_000], "us to judge, a selector matching 1,000 pods", None
    growth = costs[1_000] / costs[10]
    yield "policy-lookup-growth", growth, "x, a selector matching 1,000 pods against 10", 1.2


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _compiled_all(snapshot: Snapshot) -> None:
    snapshot.policies.compile(snapshot.pods.values())


def _compiled_here(snapshot: Snapshot) -> None:
    """For the pods of one node, as an agent needs it."""
    pods = snapshot.pods.values()
    snapshot.policies.compile(pod for pod in pods if pod.node_name == snapshot.node_name)


def _change(full: Snapshot, changed: Batch) -> None:
    _compiled_here(full.advance(changed))


def _lookup_us(matching: int) -> float:
    """One verdict, by a policy whose selector matches so many pods of different labels."""
    everybody = Rule(
        (Peer(pods=labelled(tier="t"), namespaces=EVERYTHING),), (PortMatch("TCP", 80, 80),)
    )
    policy = Policy(PolicyKind.NETWORK, "ns0", "p", isolates=_BOTH, ingress=(everybody,))
    snapshot = _world(matching).advance(_batch(policy))
    flow = FlowTuple(6, packed("10.0.1.2"), 40000, packed("10.0.0.2"), 80)
    best = []
    for _ in range(_TURNS):
        began = time.perf_counter()
        for _ in range(_LOOKUPS):
            question = ingress_question(snapshot, flow, flow)
            if question is None or not judge_question(snapshot, question).allowed:
                raise RuntimeError("the policy allows this")
        best.append((time.perf_counter() - began) / _LOOKUPS * 1e6)
    return statistics.median(best)


def _world(pods: int) -> Snapshot:
    config = ClusterConfig("bench", (), (), ())
    nodes = [
        Node(f"node{number}", (parse_address(f"172.18.0.{number + 11}"),))
        for number in range(_NODES)
    ]
    empty = Snapshot(config, "node0")
    return empty.advance(_batch(config, *nodes, *(_pod(number) for number in range(pods))))


def _pod(number: int, app: str = "") -> Pod:
    node, host = number % _NODES, number // _NODES + 2
    labels = {"app": app or f"a{number % _APPS}", "id": f"i{number}", "tier": "t"}
    address = parse_address(f"10.0.{node}.{host}")
    return Pod(
        f"ns{number % _NAMESPACES}", f"p{number}", f"u{number}", f"node{node}", (address,), labels
    )


def _policy(number: int, port: int = 80) -> Policy:
    peers = (
        Peer(pods=labelled(app=f"a{number * 7 % _APPS}")),
        Peer(pods=labelled(tier="t"), namespaces=EVERYTHING),
    )
    return Policy(
        PolicyKind.NETWORK,
        f"ns{number % _NAMESPACES}",
        f"policy{number}",
        pods=labelled(app=f"a{number % _APPS}"),
        isolates=_BOTH,
        ingress=(Rule(peers, (PortMatch("TCP", port, port),)),),
        egress=(Rule((Peer(pods=labelled(id=f"i{number}")),)),),
    )


def _batch(*objects: NetworkObject) -> Batch:
    return Batch("bench", 1, tuple(map(Change, objects)))
