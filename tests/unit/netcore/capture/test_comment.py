import pytest

from netcore.capture.comment import comment, headline
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import (
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    RejectKind,
    Reply,
    ReplyKind,
    ToHost,
)
from tests.support.frames import POD

UNDERLAY = b"\xac\x12\0\x0c"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Deliver(POD), "FORWARDED to pod 10.244.1.2"),
        (Encap("w2", UNDERLAY, b""), "FORWARDED into VXLAN to node w2 (172.18.0.12)"),
        (ToHost(), "FORWARDED to the node's own network"),
        (Drop(DropReason.POLICY_DENIED), "DROPPED POLICY_DENIED (133)"),
        (Reject(RejectKind.PORT_UNREACHABLE), "REJECTED port unreachable"),
        (Reply(ReplyKind.ARP), "ANSWERED ARP reply"),
    ],
)
def test_a_verdict_in_words(verdict, words):
    assert headline(verdict) == words


def test_the_hops_say_why():
    hops = [
        Hop(Stage.SERVICE, "default/web", None, None, "round robin"),
        Hop(Stage.ROUTE, "", None, None, "outside"),
    ]
    assert comment(ToHost(), hops) == (
        "FORWARDED to the node's own network; service: round robin [default/web]; route: outside"
    )
