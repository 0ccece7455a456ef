"""Whole replies, byte for byte.

`dns_replies.txt` has one case per paragraph: `name type edns-size transport`, then the reply in
hex. `python -m tests.golden.test_dns_replies` writes the file anew after a wanted change.
"""

from pathlib import Path

import pytest

from coredns_emu.chain import link
from coredns_emu.plugins.kubernetes import Kubernetes
from coredns_emu.responder import Responder
from coredns_emu.state import ClusterState
from netcore.dns.zones import Zones
from netcore.model.address import parse_address
from netcore.model.change import Batch, Change
from tests.support.dns_cluster import cluster_objects
from tests.support.dns_wire import question

FILE = Path(__file__).with_name("dns_replies.txt")
LINE_BYTES = 32
CASES = [
    "web.prod.svc.cluster.local A 0 udp",
    "WEB.prod.svc.Cluster.local A 1232 udp",
    "web.prod.svc.cluster.local AAAA 1232 udp",
    "none.prod.svc.cluster.local A 0 udp",
    "db.prod.svc.cluster.local AAAA 1232 udp",
    "db.prod.svc.cluster.local SRV 0 udp",
    "db.prod.svc.cluster.local SRV 1232 udp",
    "db.prod.svc.cluster.local SRV 0 tcp",
    "outside.prod.svc.cluster.local CNAME 0 udp",
    "alias.prod.svc.cluster.local A 0 udp",
    "1.2.244.10.in-addr.arpa PTR 0 udp",
    "cluster.local SOA 0 udp",
    "cluster.local NS 0 udp",
    "cluster.local AXFR 0 tcp",
    "dns-version.cluster.local TXT 0 udp",
]


def build_responder() -> Responder:
    state = ClusterState(lambda: 1_700_000_000)
    state.apply(Batch("e", 1, tuple(map(Change, cluster_objects())), reset=True, synced=True))
    zones = Zones(local_addresses=(parse_address("172.18.0.3"),))
    return Responder(link([Kubernetes(state, zones)]))


def reply(case: str) -> bytes:
    name, kind, size, transport = case.split()
    request = question(name, kind, edns=int(size) or None)
    answer = build_responder().respond(request, transport, ("10.0.0.1", 5))
    assert isinstance(answer, bytes)
    return answer


def read() -> dict[str, bytes]:
    paragraphs = (paragraph.split("\n", 1) for paragraph in FILE.read_text().split("\n\n"))
    return {case: bytes.fromhex(text) for case, text in paragraphs}


def write() -> None:
    def lines(wire: bytes) -> str:
        parts = (wire[i : i + LINE_BYTES].hex() for i in range(0, len(wire), LINE_BYTES))
        return "\n".join(parts)

    FILE.write_text("\n\n".join(f"{case}\n{lines(reply(case))}" for case in CASES) + "\n")


@pytest.mark.parametrize("case", CASES)
def test_reply(case):
    assert reply(case).hex() == read()[case].hex()


def test_every_case_is_in_the_file():
    assert list(read()) == CASES


if __name__ == "__main__":
    write()
