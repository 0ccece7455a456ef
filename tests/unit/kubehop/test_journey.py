from kubehop.tracing.journey import Sight, journeys
from tests.unit.kubehop.tracelines import answer_received, answered, received, sent


def ways(*lines):
    return [
        [sight.node for sight in journey.sights]
        for journey in journeys([Sight.of(x) for x in lines])
    ]


def test_departure_and_arrival_are_one_journey():
    assert ways(sent(), received(), answered(), answer_received()) == [["n1", "n2"], ["n2", "n1"]]


def test_a_clock_that_is_ahead_separates_nothing():
    assert ways(received(), sent(), answered()) == [["n1", "n2"], ["n2"]]


def test_packets_of_one_flow_are_told_apart_by_their_contents():
    found = journeys(
        [Sight.of(x) for x in (sent(), sent("TCP ACK", 52), received("TCP ACK", 52), received())]
    )

    assert [[s.contents for s in journey.sights] for journey in found] == [
        ["TCP SYN, 60 bytes"] * 2,
        ["TCP ACK, 52 bytes"] * 2,
    ]


def test_equal_packets_are_each_used_once():
    assert ways(sent(), sent(), received(), received()) == [["n1", "n2"], ["n1", "n2"]]


def test_a_packet_that_never_arrived_goes_alone():
    assert ways(sent(), answered()) == [["n1"], ["n2"]]


def test_a_packet_without_hops_is_kept():
    line = {**sent(), "hops": [], "verdict": "Drop", "verdictDetail": "spoofed"}

    [journey] = journeys([Sight.of(line)])

    assert journey.first.arrived is None
    assert journey.first.left is None
