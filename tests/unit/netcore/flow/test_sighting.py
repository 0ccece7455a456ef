from netcore.conntrack.tuple import FlowTuple
from netcore.flow.sighting import Sighting
from netcore.packet.protocols import PROTOCOL_TCP
from netcore.packet.rewrite import Rewrite
from netcore.pipeline.context import FromHost
from netcore.pipeline.verdict import ToHost
from tests.support.cluster import CLIENT, CLIENT_POD, WEB, WEB_PODS, cluster, from_pod
from tests.support.decider import Decider
from tests.support.frames import PEER, POD, tcp
from tests.support.sightings import sighting

NOTHING = Sighting(0, FromHost(), None, 0, ToHost(), None, None, False, False, (), None, None)


def test_it_is_made_with_its_names_in_order():
    node = Decider(cluster())
    node.turn_to((WEB, 6, 80), 1)
    seen = sighting(node, tcp(CLIENT, WEB), from_pod(CLIENT_POD), payload=b"x")
    assert isinstance(seen, Sighting)
    assert (seen.source_pod, seen.destination_pod) == (CLIENT_POD, WEB_PODS[1])
    assert (seen.is_new, seen.is_reply, seen.judgements) == (True, False, ())
    assert (seen.payload, seen.tcp_flags) == (b"x", 2)
    assert seen.entry is not None
    assert seen.delivered == FlowTuple(PROTOCOL_TCP, CLIENT, 40000, PEER, 8080)


def test_addresses_and_ports_are_enough():
    seen = NOTHING._replace(packet=CLIENT + POD + b"\x9c\x40\x00\x50")
    assert seen.flow == FlowTuple(PROTOCOL_TCP, CLIENT, 40000, POD, 80)
    assert seen.delivered == seen.flow
    rewrite = Rewrite(None, None, PEER, None, decrement_ttl=True)
    assert seen._replace(rewrite=rewrite).delivered == seen.flow._replace(dst=PEER)


def test_what_could_not_be_parsed_has_no_flow():
    assert NOTHING.flow is NOTHING.delivered is None
