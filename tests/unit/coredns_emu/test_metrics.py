import pytest
from prometheus_client import CollectorRegistry, generate_latest

from coredns_emu.metrics import MeasuredResponder, describe_server, question_type, rcode_name
from coredns_emu.reply import Reply
from coredns_emu.responder import Responder
from coredns_emu.state import ClusterState
from netcore.dns.records import Rcode
from tests.support.dns_wire import question
from tests.support.prometheus import samples, value

WHERE = {"server": "dns://:53", "zone": ".", "view": ""}


@pytest.fixture
def registry():
    return CollectorRegistry()


def measured(registry, handler):
    now = [0.0]

    def clock():
        now[0] += 0.001
        return now[0]

    return MeasuredResponder(Responder(handler), registry, clock)


def nothing(_query):
    return Reply(Rcode.NXDOMAIN)


async def later(_query):
    return Reply()


def test_a_request_and_its_reply(registry):
    wire = question("backend.default", "AAAA")
    reply = measured(registry, nothing).respond(wire, "udp", ("127.0.0.1", 5))
    found = samples(generate_latest(registry))
    assert value(found, "coredns_dns_requests_total", **WHERE, proto="udp", family="1",
                 type="AAAA") == 1  # fmt: skip
    assert value(found, "coredns_dns_responses_total", **WHERE, rcode="NXDOMAIN", plugin="") == 1
    seconds = "coredns_dns_request_duration_seconds"
    assert value(found, f"{seconds}_count", **WHERE) == 1
    assert value(found, f"{seconds}_bucket", **WHERE, le="0.001") == 1
    for what, data in (("request", wire), ("response", reply)):
        name = f"coredns_dns_{what}_size_bytes_sum"
        assert value(found, name, **WHERE, proto="udp") == len(data)


async def test_a_reply_that_comes_later_counts_when_it_comes(registry):
    coming = measured(registry, later).respond(question("a.b"), "tcp", ("fd00::1", 5))
    assert not [n for n, _ in samples(generate_latest(registry)) if n.endswith("requests_total")]
    await coming
    found = samples(generate_latest(registry))
    assert value(found, "coredns_dns_requests_total", **WHERE, proto="tcp", family="2",
                 type="A") == 1  # fmt: skip


def test_silence_is_not_counted(registry):
    assert measured(registry, nothing).respond(b"short", "udp", ("127.0.0.1", 5)) is None
    assert not [n for n, _ in samples(generate_latest(registry)) if n.endswith("requests_total")]


def test_rejections_are(registry):
    measured(registry, nothing).respond(bytes(12), "udp", ("127.0.0.1", 5))
    found = samples(generate_latest(registry))
    assert value(found, "coredns_dns_responses_total", **WHERE, rcode="FORMERR", plugin="") == 1


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (question("a.b", "SRV"), "SRV"),
        (question("a.b", "CAA"), "other"),
        (b"", "other"),
        (b"\xff" * 40, "other"),
        (bytes(12) + b"\x3f", "other"),
    ],
)
def test_types_are_few(wire, name):
    assert question_type(wire) == name


def test_rcodes_are_few():
    assert rcode_name(b"") == "other"
    assert rcode_name(b"\0\0\0\x0f" + bytes(8)) == "other"
    assert rcode_name(b"\0\0\0\x02" + bytes(8)) == "SERVFAIL"


def test_what_the_server_is(registry):
    describe_server(registry, ["errors", "forward"], ClusterState(lambda: 0.0))
    found = samples(generate_latest(registry))
    assert value(found, "coredns_plugin_enabled", **WHERE, name="forward") == 1
    assert value(found, "kubehop_dns_synced") == 0
    assert [v for (name, _), v in found.items() if name == "coredns_build_info"] == [1]
