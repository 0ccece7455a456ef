"""Every scenario, on every backend."""

from pathlib import Path
from typing import Any

import pytest

from netcore.model.address import packed
from netcore.packet.packet import parse_packet
from netcore.pipeline.context import FromHost, FromPod, FromTunnel, Ingress
from netcore.pipeline.snapshot import Snapshot
from tests.datapath.backends import BACKENDS, Backend, Seen
from tests.datapath.scenario import changed, load
from tests.datapath.wire import ends_of, format_ends, format_flow, frame_of
from tests.support.frames import wrong_checksums

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))


RUNS = [
    pytest.param(path, name, id=f"{path.stem}-{name}")
    for path in FILES
    for name, kind in BACKENDS.items()
    if load(path).needs <= kind.capabilities
]
"""What a backend can never do (turn the clock of a real thread) is no case of it."""


@pytest.mark.parametrize(("path", "backend_name"), RUNS)
def test_scenario(path: Path, backend_name: str) -> None:
    scenario = load(path)
    kind = BACKENDS[backend_name]
    backend, snapshot = kind(scenario.snapshot), scenario.snapshot
    for number, step in enumerate(scenario.steps, 1):
        place = f"{path.name}, step {number} {step.get('name', '')}"
        if "wait" in step:
            backend.wait(step["wait"])
        elif "change" in step:
            snapshot = changed(snapshot, step["change"])
            backend.apply(snapshot)
        else:
            run_packet(backend, snapshot, step, place)
    for table, expected in scenario.tables.items():
        assert sorted(rows(table, backend, snapshot)) == sorted(expected), f"{path.name}, {table}"


def run_packet(backend: Backend, snapshot: Snapshot, step: dict[str, Any], place: str) -> None:
    ingress = ingress_of(step["from"], snapshot)
    frame = frame_of(step["packet"])
    if isinstance(ingress, FromPod) and "mac" not in step["packet"]:
        frame[6:12] = ingress.mac
    seen = backend.send(frame, ingress)
    expected = dict(step["expect"])
    found = {name: _FACTS[name](seen) for name in expected}
    if seen.hops is None:
        found.pop("hops", None)
        expected.pop("hops", None)
    assert found == expected, place
    for each in seen.frames:
        if "fragments" not in expected and not {"offset", "fragment"} & set(step["packet"]):
            assert wrong_checksums(each) == [], place


def ingress_of(words: str, snapshot: Snapshot) -> Ingress:
    kind, _, name = words.partition(" ")
    if kind == "host":
        return FromHost()
    if kind == "tunnel":
        node = snapshot.nodes.get(name)
        return FromTunnel(node.underlay_addresses[0].packed if node else packed(name))
    namespace, pod_name = name.split("/")
    ips = tuple(ip.packed for ip in snapshot.pods[namespace, pod_name].ips)
    return FromPod(ips, b"\x0a\x58" + ips[0][-4:])


_FACTS = {
    "verdict": lambda seen: seen.verdict,
    "as": lambda seen: ends_of(seen.frames[0]),
    "ttl": lambda seen: parse_packet(seen.frames[0]).ttl,
    "fragments": lambda seen: max(parse_packet(frame).ip_length for frame in seen.frames),
    "quotes": lambda seen: _quotes(seen),
    "hops": lambda seen: list(seen.hops or ()),
}


def _quotes(seen: Seen) -> str:
    quoted = parse_packet(seen.frames[0]).quoted
    assert quoted is not None
    return format_ends(quoted)


def rows(table: str, backend: Backend, snapshot: Snapshot) -> list[str]:
    if table == "routes":
        return [f"{r.network} {type(r.target).__name__}" for r in snapshot.routes]
    if table == "services":
        return [
            " ".join((f.name, *(f"{ends_of_backend(b.ip, b.port)}" for b in f.backends)))
            for f in snapshot.frontends.values()
        ]
    assert table == "conntrack", f"no such table: {table}"
    return [
        f"{format_flow(*e.original)} | {format_flow(*e.reply).partition(' ')[2]} | {e.state.label}"
        for e in backend.conntrack()
    ]


def ends_of_backend(ip: bytes, port: int) -> str:
    return format_flow(6, ip, port, ip, port).split()[1]
